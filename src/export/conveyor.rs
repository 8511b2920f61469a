//! Runs jobs on all workers and takes their results in the order in which the jobs were issued.
//!
//! Results that are finished early wait for their turn, so that everything that follows from a result follows
//! in one order, however many workers there are and however they are scheduled. There is no barrier: while one
//! job is slow, the others go on up to what the agenda lets be under way. A job that panics ends the run as an error; it can't hang it.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use rayon::ThreadPool;

use crate::error::Error;

/// What is to be done, as far as it is known by now.
pub(super) trait Agenda {
    /// Something for a worker to do.
    type Job: Send;
    /// What comes of it.
    type Outcome: Send;

    /// The next job; `None` while there is none until a further outcome is taken, or for good.
    fn issue(&mut self) -> Option<Self::Job>;

    /// Takes the outcome of the oldest job that is under way.
    fn take(&mut self, outcome: Self::Outcome) -> Result<(), Error>;
}

/// Performs all jobs of `agenda`.
///
/// # Errors
/// Of the jobs that fail, the error of the one that was issued first. No job is issued after it is known; those under way are
/// waited for.
pub(super) fn run<A: Agenda>(
    workers: &ThreadPool,
    agenda: &mut A,
    perform: impl Fn(A::Job) -> Result<A::Outcome, Error> + Sync,
) -> Result<(), Error> {
    let (sender, receiver) = mpsc::channel();
    let perform = &perform;
    // Jobs that were issued after one that is known to have failed are not begun: nobody will take their outcome.
    let first_failed = AtomicU64::new(u64::MAX);
    workers.in_place_scope_fifo(|scope| {
        let mut failure = None;
        let mut oldest: u64 = 0;
        let failed = &first_failed;
        let mut under_way: VecDeque<Option<Result<A::Outcome, Error>>> = VecDeque::new();
        loop {
            while failure.is_none() {
                let Some(job) = agenda.issue() else { break };
                let number = oldest + under_way.len() as u64;
                under_way.push_back(None);
                let sender = sender.clone();
                scope.spawn_fifo(move |_| {
                    let in_vain = number > failed.load(Ordering::Relaxed);
                    let result = if in_vain {
                        Err(Error::Interrupted)
                    } else {
                        catch_unwind(AssertUnwindSafe(|| perform(job)))
                            .unwrap_or_else(|panic| Err(Error::Defect { message: panic_message(panic.as_ref()) }))
                    };
                    if result.is_err() {
                        failed.fetch_min(number, Ordering::Relaxed);
                    }
                    // The receiver outlives every job of the scope.
                    let _ = sender.send((number, result));
                });
            }
            if under_way.is_empty() {
                return failure.map_or(Ok(()), Err);
            }
            // One outcome is taken, then jobs are issued again: taking all that happen to be there would make the order of the
            // jobs depend on the workers.
            let result = loop {
                if let Some(Some(_)) = under_way.front() {
                    oldest += 1;
                    break under_way.pop_front().flatten();
                }
                // This thread holds a sender itself, so there is always a message to come.
                let Ok((number, result)) = receiver.recv() else {
                    return Err(Error::Defect { message: "the workers are gone".to_owned() });
                };
                under_way[(number - oldest) as usize] = Some(result);
            };
            match result {
                Some(Ok(outcome)) if failure.is_none() => failure = agenda.take(outcome).err(),
                Some(Err(error)) if failure.is_none() => failure = Some(error),
                _ => {}
            }
        }
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a worker panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts down: each outcome n makes n − 1 ready twice. What is not ready yet is filled up from `reserve`, so that the order
    /// of the jobs depends on when the agenda is asked.
    struct Countdown {
        ready: VecDeque<u32>,
        reserve: u32,
        under_way: u32,
        taken: Vec<u32>,
    }

    impl Countdown {
        fn new(ready: impl IntoIterator<Item = u32>, reserve: u32) -> Self {
            Self { ready: ready.into_iter().collect(), reserve, under_way: 0, taken: Vec::new() }
        }
    }

    impl Agenda for Countdown {
        type Job = u32;
        type Outcome = u32;

        fn issue(&mut self) -> Option<u32> {
            let job = self.ready.pop_front().or_else(|| {
                self.reserve = self.reserve.checked_sub(1).filter(|_| self.under_way < 5)?;
                Some(self.reserve % 4)
            })?;
            self.under_way += 1;
            Some(job)
        }

        fn take(&mut self, outcome: u32) -> Result<(), Error> {
            self.taken.push(outcome);
            self.under_way -= 1;
            if let Some(next) = outcome.checked_sub(1) {
                self.ready.extend([next, next]);
            }
            Ok(())
        }
    }

    fn pool(threads: usize) -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn the_order_is_the_same_for_any_number_of_workers() {
        let run_with = |threads| {
            let mut agenda = Countdown::new([7], 1000);
            run(&pool(threads), &mut agenda, |job| {
                // Uneven work, so that later jobs overtake earlier ones.
                Ok((0..(job % 3) * 10_000).fold(job, |value, step| std::hint::black_box(value ^ step ^ step)))
            })
            .unwrap();
            agenda.taken
        };
        let alone = run_with(1);
        assert_eq!(alone.len(), 255 + 250 * (1 + 3 + 7 + 15));
        for _ in 0..20 {
            assert_eq!(alone, run_with(8));
        }
    }

    #[test]
    fn the_first_failure_in_order_is_the_one_reported() {
        let mut agenda = Countdown::new(0..100, 0);
        let failed = run(&pool(4), &mut agenda, |job| {
            if job % 10 == 7 { Err(Error::Defect { message: format!("job {job}") }) } else { Ok(0) }
        });
        assert_eq!(failed.unwrap_err().to_string(), "defect in slidezoom: job 7");
        assert_eq!(agenda.taken.len(), 7);
    }

    #[test]
    fn a_panic_is_an_error_and_no_hang() {
        let mut agenda = Countdown::new([3], 0);
        let failed = run(&pool(2), &mut agenda, |job| if job == 1 { panic!("job {job} broke") } else { Ok(job) });
        assert_eq!(failed.unwrap_err().to_string(), "defect in slidezoom: job 1 broke");
    }
}
