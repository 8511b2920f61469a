//! Runs killed at random instants: the final name is absent, or what stands there is whole; and the run after, with or without
//! `--resume`, comes to the bytes of a run that nothing has disturbed.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use slidezoom_fixtures::SlideBuilder;

use crate::random::Random;
use crate::slides::WriteInto;
use crate::workspace::Workspace;

/// A slide, its undisturbed export, and how long that takes.
struct Range {
    workspace: Workspace,
    /// `out/scan`, or an archive of this name.
    output: &'static str,
    lasts: Duration,
}

impl Range {
    fn new(slide: &SlideBuilder, output: &'static str) -> Self {
        let workspace = Workspace::new();
        slide.write_into(&workspace, "scan.tif");
        let begun = Instant::now();
        workspace.export(["scan.tif", "-o", &format!("whole/{output}")]).succeeds();
        Self { workspace, output, lasts: begun.elapsed() }
    }

    fn run(&self, options: &[&str]) -> Command {
        let output = format!("out/{}", self.output);
        let mut command = self.workspace.command([&["export", "scan.tif", "-o", &output], options].concat());
        command.args(["--jobs", "2", "--progress", "none"]).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Kills a run after so long, unless it has ended; how long it took where it was not killed.
    fn kill_after(&self, instant: Duration, options: &[&str]) -> Option<Duration> {
        let begun = Instant::now();
        let mut child = self.run(options).spawn().unwrap();
        let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let (ended, end) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            let status = child.wait().unwrap();
            // Nobody listens any more where the run was killed.
            let _ = ended.send(());
            status
        });
        if end.recv_timeout(instant).is_err() {
            // It may have ended in the meantime, and is then no more there to be killed.
            let _ = kill(process, Signal::SIGKILL);
        }
        let status = waiter.join().unwrap();
        assert!(status.success() || status.code().is_none(), "{status}");
        status.success().then(|| begun.elapsed())
    }

    /// Kills so many runs, each at a random instant of its time; returns how many were killed, and after how many of these the export stood.
    #[track_caller]
    fn strike(&self, times: usize, options: &[&str], seed: u64) -> (usize, usize) {
        let mut random = Random(seed);
        let whole = self.workspace.tree("whole");
        let (mut killed, mut stood) = (0, 0);
        let mut lasts = self.lasts;
        for _ in 0..times {
            let instant = lasts.mul_f64(random.below(1_100) as f64 / 1_000.0);
            let took = self.kill_after(instant, options);
            // The first run may have met a busy machine.
            lasts = took.map_or(lasts, |took| lasts.min(took));
            let was_killed = took.is_none();
            let output = self.workspace.path("out").join(self.output);
            killed += usize::from(was_killed);
            if output.exists() {
                stood += usize::from(was_killed);
                self.workspace.slidezoom(["verify", &format!("out/{}", self.output)]).succeeds();
                // A checkpoint may still stand beside it.
                let (out, whole) = (self.workspace.tree("out"), &whole);
                let same = whole.files().iter().all(|name| out.file(name) == whole.file(name));
                let left = out.files().len() - whole.files().len();
                assert!(same && left <= 1, "{left} files left after {instant:?}");
            }
            // Every second time the rest of the killed run is taken up, every second time it is found by a run that does not know of it.
            let again = if random.below(2) == 0 { "--resume" } else { "--overwrite" };
            let status = self.run(&[again]).status().unwrap();
            assert!(status.success(), "{again} after {instant:?}: {status}");
            assert!(self.workspace.tree("out") == whole, "{again} after {instant:?}");
            std::fs::remove_dir_all(self.workspace.path("out")).unwrap();
        }
        (killed, stood)
    }
}

/// Done in a moment: most kills meet the beginning and the end.
fn small() -> SlideBuilder {
    SlideBuilder::new(900, 700).tile_size(128, 128)
}

/// High and narrow: comes to several checkpoints.
fn high() -> SlideBuilder {
    SlideBuilder::new(200, 60_000).tile_size(208, 208)
}

#[track_caller]
fn strike(slide: &SlideBuilder, output: &'static str, times: usize, seed: u64) {
    let (killed, stood) = Range::new(slide, output).strike(times, &[], seed);
    skipped!("nothing: {output}: {killed} of {times} runs killed, {stood} of them after they had published");
    assert!(killed > times / 4, "{killed} of {times} runs were killed");
}

#[test]
fn a_killed_run_leaves_a_whole_folder_or_none() {
    strike(&small(), "scan", 190, 1);
    strike(&high(), "scan", 12, 2);
}

#[test]
fn a_killed_run_leaves_a_whole_archive_or_none() {
    strike(&small(), "scan.zip", 190, 3);
    strike(&high(), "scan.zip", 12, 4);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn five_hundred_kills_leave_a_whole_export_or_none() {
    for (output, seed) in [("scan", 5), ("scan.zip", 6)] {
        strike(&small(), output, 400, seed);
        strike(&high(), output, 100, seed + 10);
    }
}
