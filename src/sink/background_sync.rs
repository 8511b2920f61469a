//! Brings files to the disk while others are still being made, and then keeps the checkpoints that speak of them.
//!
//! What stands in the system's memory when an export ends has to be waited for: 0.3 s of 4.4 for a gigapixel on a fast disk, and far longer on
//! a slow one. So a thread of its own asks the file system, after every so many bytes, to write what it has. Only time depends on it: the
//! export ends with a sync of its own in any case. What always holds: an error of an early sync is an error of the export, and a checkpoint is kept
//! after a sync that began when all of its entries had been written.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use nix::errno::Errno;

use super::checkpoint::{Checkpoint, CheckpointFile};
use super::{SinkError, failed};

/// How many bytes may be written before the next sync begins.
const BYTES_BETWEEN: u64 = 32 << 20;

/// The checkpoint that is to be kept next, and the length of the container that belongs to it.
type Slot = Arc<Mutex<Option<(Checkpoint, u64)>>>;

/// A thread that syncs what an export is written in from time to time.
#[derive(Debug)]
pub(crate) struct BackgroundSync {
    written: AtomicU64,
    wake: SyncSender<()>,
    next: Slot,
    /// Whether checkpoints are still kept; locked while one is.
    keeps: Arc<Mutex<bool>>,
    thread: JoinHandle<Result<(), Errno>>,
}

impl BackgroundSync {
    /// Starts the thread, which waits. What `sync` syncs was opened before anything was written into it: the system reports every error since
    /// then.
    pub fn start(
        path: &Path,
        checkpoints: CheckpointFile,
        sync: impl Fn() -> nix::Result<()> + Send + 'static,
    ) -> Result<Self, SinkError> {
        // One wake-up may be waiting while a sync is under way; more would say nothing new.
        let (wake, woken) = sync_channel(1);
        let next = Slot::default();
        let keeps = Arc::new(Mutex::new(true));
        let (slot, still_keeps) = (Arc::clone(&next), Arc::clone(&keeps));
        let each_time = move || {
            woken.into_iter().try_for_each(|()| {
                let checkpoint = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                sync()?;
                let keeps = still_keeps.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((checkpoint, container_bytes)) = checkpoint.filter(|_| *keeps) {
                    // The export goes on without: it is the one before that a later run goes on from, or the beginning.
                    let _ = checkpoints.keep(checkpoint, container_bytes);
                }
                Ok(())
            })
        };
        let thread = std::thread::Builder::new().name("early-sync".to_owned()).spawn(each_time);
        Ok(Self {
            written: AtomicU64::new(0),
            wake,
            next,
            keeps,
            thread: thread.map_err(failed("start a thread to sync it", path))?,
        })
    }

    /// Counts what was written.
    pub fn count(&self, bytes: usize) {
        let bytes = bytes as u64;
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
        if before / BYTES_BETWEEN != (before + bytes) / BYTES_BETWEEN {
            // Full: a sync is due anyway. Gone: the thread has met an error, which `end` reports.
            let _ = self.wake.try_send(());
        }
    }

    /// Keeps a checkpoint when all of its entries are on the disk, in place of one that still waits for that.
    pub fn keep(&self, checkpoint: Checkpoint, container_bytes: u64) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some((checkpoint, container_bytes));
        let _ = self.wake.try_send(());
    }

    /// Keeps no more checkpoints; waits for one that is just being kept.
    pub fn stop_keeping(&self) {
        *self.keeps.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Waits for a sync that is under way; reports the error of any.
    pub fn end(self, path: &Path) -> Result<(), SinkError> {
        drop(self.wake);
        match self.thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(errno)) => Err(failed("sync", path)(errno.into())),
            Err(_) => Err(failed("sync", path)(std::io::Error::other("the thread panicked"))),
        }
    }
}
