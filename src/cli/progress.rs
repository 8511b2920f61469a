//! Progress on stderr: a bar, lines, or JSON lines for programs.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::engine::progress::{Progress, TileWritten, Workload};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::json;

use super::escape::plain;
use super::terminal::tell;

/// The kinds of progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// A bar on a terminal, lines elsewhere
    Auto,
    /// A line from time to time
    Plain,
    /// One JSON object a line
    Json,
    /// Only warnings, and the output of --verbose
    None,
}

/// Milliseconds between two JSON lines, and between two plain ones.
const JSON_INTERVAL: u64 = 200;
const PLAIN_INTERVAL: u64 = 5_000;

enum Display {
    Bar(ProgressBar),
    Plain,
    Json,
    Silent,
}

/// Reports the progress of one export.
pub(super) struct ProgressReporter<'a> {
    name: String,
    display: Display,
    stop: &'a AtomicBool,
    started_at: Instant,
    total: AtomicU64,
    tiles: Arc<AtomicU64>,
    pixels: AtomicU64,
    bytes: AtomicU64,
    /// When the next line is due, in milliseconds from the start. The thread that advances it
    /// writes the line.
    due: AtomicU64,
}

impl<'a> ProgressReporter<'a> {
    pub fn new(mode: Mode, name: &str, stop: &'a AtomicBool) -> Self {
        let tiles = Arc::new(AtomicU64::new(0));
        let display = match mode {
            Mode::Auto if std::io::stderr().is_terminal() => {
                Display::Bar(bar(name, Arc::clone(&tiles)))
            }
            Mode::Auto | Mode::Plain => Display::Plain,
            Mode::Json => Display::Json,
            Mode::None => Display::Silent,
        };
        let interval =
            if matches!(display, Display::Plain) { PLAIN_INTERVAL } else { JSON_INTERVAL };
        Self {
            name: name.to_owned(),
            display,
            stop,
            started_at: Instant::now(),
            total: AtomicU64::new(0),
            tiles,
            pixels: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            due: AtomicU64::new(interval),
        }
    }

    /// Seconds since the export began.
    pub fn seconds(&self) -> f64 {
        self.started_at.elapsed().as_secs_f64()
    }

    /// Writes a line, or its event with `--progress json`.
    pub fn say(&self, line: &str, event: &serde_json::Value) {
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| tell(&plain(line))),
            Display::Plain => tell(&plain(line)),
            Display::Json => tell(&event.to_string()),
            Display::Silent => {}
        }
    }

    /// Like [`say`](Self::say), but writes the line even with `--progress none`.
    pub fn warn(&self, line: &str, event: &serde_json::Value) {
        match &self.display {
            Display::Silent => tell(&plain(line)),
            _ => self.say(line, event),
        }
    }

    /// Removes the bar.
    pub fn end(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    fn report(&self) {
        let (pixels, total) =
            (self.pixels.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed).max(1));
        let (tiles, bytes, seconds) = (
            self.tiles.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
            self.seconds(),
        );
        let percent = pixels as f64 * 100.0 / total as f64;
        let rate = pixels as f64 / 1e6 / seconds.max(1e-3);
        let line = format!("{}: {percent:.0} %, {tiles} tiles, {rate:.0} Mpx/s", self.name);
        let event = json!({ "event": "progress", "name": self.name, "tiles": tiles, "pixels": pixels, "totalPixels": total,
            "bytes": bytes, "seconds": seconds });
        self.say(&line, &event);
    }
}

fn bar(name: &str, tiles: Arc<AtomicU64>) -> ProgressBar {
    let template = "{prefix} {wide_bar} {percent:>3} %  {tiles} tiles  {rate}  {eta} left  {msg}";
    let bar = ProgressBar::new(0);
    // The template is a constant; if it were invalid, the bar would only look plainer.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(
            style
                .with_key("tiles", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
                    let _ = write!(text, "{}", tiles.load(Ordering::Relaxed));
                })
                .with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                    let _ = write!(text, "{:.0} Mpx/s", state.per_sec() / 1e6);
                }),
        );
    }
    bar.set_prefix(plain(name));
    bar
}

impl Progress for ProgressReporter<'_> {
    fn resumed(&self, tiles: u64) {
        let event = json!({ "event": "resumed", "name": self.name, "tiles": tiles });
        self.say(&format!("{}: resuming after {tiles} tiles", self.name), &event);
    }

    fn started(&self, workload: Workload) {
        self.total.store(workload.pixels, Ordering::Relaxed);
        match &self.display {
            Display::Bar(bar) => bar.set_length(workload.pixels),
            Display::Json => self.say(
                "",
                &json!({ "event": "started", "name": self.name, "tiles": workload.tiles,
                "pixels": workload.pixels }),
            ),
            Display::Plain | Display::Silent => {}
        }
    }

    fn tile_written(&self, tile: TileWritten) {
        self.tiles.fetch_add(1, Ordering::Relaxed);
        self.pixels.fetch_add(tile.pixels, Ordering::Relaxed);
        self.bytes.fetch_add(tile.bytes, Ordering::Relaxed);
        let interval = match &self.display {
            Display::Bar(bar) => return bar.inc(tile.pixels),
            Display::Silent => return,
            Display::Plain => PLAIN_INTERVAL,
            Display::Json => JSON_INTERVAL,
        };
        let now = self.started_at.elapsed().as_millis() as u64;
        let due = self.due.load(Ordering::Relaxed);
        if now >= due
            && self
                .due
                .compare_exchange(due, now + interval, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.report();
        }
    }

    fn tiles_skipped(&self, tiles: u64, pixels: u64) {
        self.tiles.fetch_add(tiles, Ordering::Relaxed);
        self.pixels.fetch_add(pixels, Ordering::Relaxed);
        if let Display::Bar(bar) = &self.display {
            bar.inc(pixels);
        }
    }

    fn committing(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.set_message("syncing to disk");
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
