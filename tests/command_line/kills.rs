//! Kills exports at random instants. Afterward the final name is absent or holds a whole export,
//! and the next run, with or without `--resume`, produces the bytes of an undisturbed run.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use slidezoom_fixtures::{Random, SlideBuilder};

use crate::slides::WriteInto;
use crate::workspace::Workspace;

/// A slide with its undisturbed export, and the time that an export takes.
struct Target {
    workspace: Workspace,
    /// The export's file name: `scan` or `scan.zip`.
    output: &'static str,
    duration: Duration,
}

impl Target {
    fn new(slide: &SlideBuilder, output: &'static str) -> Self {
        let workspace = Workspace::new();
        slide.write_into(&workspace, "scan.tif");
        let start = Instant::now();
        workspace.export(["scan.tif", "-o", &format!("whole/{output}")]).succeeds();
        Self { workspace, output, duration: start.elapsed() }
    }

    fn command(&self, options: &[&str]) -> Command {
        let output = format!("out/{}", self.output);
        let mut command =
            self.workspace.command([&["export", "scan.tif", "-o", &output], options].concat());
        command
            .args(["--jobs", "2", "--progress", "none"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Kills a run after `delay`. Returns the run's duration if it ended before that.
    fn kill_after(&self, delay: Duration) -> Option<Duration> {
        let start = Instant::now();
        let mut child = self.command(&[]).spawn().unwrap();
        let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let (ended, end) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            let status = child.wait().unwrap();
            // Nothing receives the message if the run was killed.
            let _ = ended.send(());
            status
        });
        if end.recv_timeout(delay).is_err() {
            // The process may have ended in the meantime; then there is nothing to kill.
            let _ = kill(process, Signal::SIGKILL);
        }
        let status = waiter.join().unwrap();
        assert!(status.success() || status.code().is_none(), "{status}");
        status.success().then(|| start.elapsed())
    }

    /// Starts runs and kills each at a random instant, until `times` of them were killed. Others
    /// ended before that. Returns how many runs there were, and how many of the killed ones had
    /// already published their export.
    #[track_caller]
    fn kill_runs(&self, times: usize, seed: u64) -> (usize, usize) {
        let mut random = Random::new(seed);
        let whole = self.workspace.tree("whole");
        let (mut runs, mut killed, mut published) = (0, 0, 0);
        let mut duration = self.duration;
        while killed < times {
            runs += 1;
            assert!(runs <= 10 * times, "{killed} of {runs} runs were killed");
            let delay = duration.mul_f64(random.below(1_100) as f64 / 1_000.0);
            let finished_in = self.kill_after(delay);
            // The first run may have been slowed down by other tests.
            duration = finished_in.map_or(duration, |finished_in| duration.min(finished_in));
            let was_killed = finished_in.is_none();
            killed += usize::from(was_killed);
            if self.workspace.path("out").join(self.output).exists() {
                published += usize::from(was_killed);
                self.workspace.slidezoom(["verify", &format!("out/{}", self.output)]).succeeds();
                // A checkpoint may still exist next to the export.
                let out = self.workspace.tree("out");
                let same = whole.files().iter().all(|name| out.file(name) == whole.file(name));
                let extra = out.files().len() - whole.files().len();
                assert!(same && extra <= 1, "{extra} extra files after {delay:?}");
            }
            // Half of the runs resume the killed one; the other half must clean up after it.
            let again = if random.below(2) == 0 { "--resume" } else { "--overwrite" };
            let status = self.command(&[again]).status().unwrap();
            assert!(status.success(), "{again} after {delay:?}: {status}");
            assert!(self.workspace.tree("out") == whole, "{again} after {delay:?}");
            std::fs::remove_dir_all(self.workspace.path("out")).unwrap();
        }
        (runs, published)
    }
}

/// A slide with a short export: most kills hit the start and the end of the run.
fn small() -> SlideBuilder {
    SlideBuilder::new(900, 700).tile_size(128, 128)
}

/// A tall and narrow slide, whose export writes several checkpoints.
fn high() -> SlideBuilder {
    SlideBuilder::new(200, 60_000).tile_size(208, 208)
}

#[track_caller]
fn kill_runs(slide: &SlideBuilder, output: &'static str, times: usize, seed: u64) {
    let (runs, published) = Target::new(slide, output).kill_runs(times, seed);
    skipped!(
        "nothing: {output}: {times} of {runs} runs killed, {published} of them after publishing"
    );
}

#[test]
fn a_killed_run_leaves_a_whole_folder_or_nothing() {
    kill_runs(&small(), "scan", 8, 1);
    kill_runs(&high(), "scan", 3, 2);
}

#[test]
fn a_killed_run_leaves_a_whole_archive_or_nothing() {
    kill_runs(&small(), "scan.zip", 8, 3);
    kill_runs(&high(), "scan.zip", 3, 4);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn a_thousand_kills_leave_a_whole_export_or_nothing() {
    for (output, seed) in [("scan", 5), ("scan.zip", 6)] {
        kill_runs(&small(), output, 400, seed);
        kill_runs(&high(), output, 100, seed + 10);
    }
}
