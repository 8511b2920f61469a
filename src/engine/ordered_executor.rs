//! Runs jobs on all workers and takes their results in the order in which the jobs were issued.
//!
//! Results that are finished early wait for their turn, so that everything that follows from a result follows
//! in one order, however many workers there are and however they are scheduled. There is no barrier: while one
//! job is slow, the others go on up to what the scheduler lets be under way. There is no foreman either: the worker that ends a job takes the
//! results whose turn has come, issues what follows, and takes the next job, all in a few microseconds under one lock, where a job takes
//! hundreds. (A thread of its own for that cost 109,000 context switches for a gigapixel.) A job that panics ends the run as an error; it
//! can't hang it.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::ThreadPool;

use crate::error::Error;

/// What is to be done, as far as it is known by now.
pub(crate) trait Scheduler {
    /// Something for a worker to do.
    type Job: Send;
    /// What comes of it.
    type Outcome: Send;

    /// The next job; `None` while there is none until a further outcome is taken, or for good.
    fn issue(&mut self) -> Result<Option<Self::Job>, Error>;

    /// Takes the outcome of the oldest job that is under way.
    fn take(&mut self, outcome: Self::Outcome) -> Result<(), Error>;
}

/// Performs all jobs of `scheduler`.
///
/// # Errors
/// Of the jobs that fail, the error of the one that was issued first. No job is issued after it is known; those under way are
/// waited for.
pub(crate) fn run<A: Scheduler + Send>(
    workers: &ThreadPool,
    scheduler: &mut A,
    perform: impl Fn(A::Job, usize) -> Result<A::Outcome, Error> + Sync,
) -> Result<(), Error> {
    let belt = WorkQueue {
        scheduler,
        waiting: VecDeque::new(),
        under_way: VecDeque::new(),
        oldest: 0,
        first_failed: u64::MAX,
        failure: None,
        asleep: 0,
    };
    let (belt, changed) = (Mutex::new(belt), Condvar::new());
    let lock = || belt.lock().unwrap_or_else(PoisonError::into_inner);
    workers.broadcast(|worker| {
        let mut belt = lock();
        loop {
            belt.advance();
            if let Some((number, job)) = belt.waiting.pop_front() {
                // Nobody will take the outcome of what was issued after a job that is known to have failed.
                if belt.failure.is_some() || number > belt.first_failed {
                    belt.put(number, Err(Error::Interrupted));
                    continue;
                }
                if belt.asleep > 0 && !belt.waiting.is_empty() {
                    changed.notify_one();
                }
                drop(belt);
                let result = caught(|| perform(job, worker.index()));
                belt = lock();
                belt.put(number, result);
            } else if belt.under_way.is_empty() {
                changed.notify_all();
                return;
            } else {
                belt.asleep += 1;
                belt = changed.wait(belt).unwrap_or_else(PoisonError::into_inner);
                belt.asleep -= 1;
            }
        }
    });
    let failure = lock().failure.take();
    failure.map_or(Ok(()), Err)
}

/// All that the workers share.
struct WorkQueue<'a, A: Scheduler> {
    scheduler: &'a mut A,
    /// Jobs that no worker has taken yet, with their numbers.
    waiting: VecDeque<(u64, A::Job)>,
    /// The results of all jobs from number `oldest` on, where they are known.
    under_way: VecDeque<Option<Result<A::Outcome, Error>>>,
    oldest: u64,
    /// The lowest number of a job that is known to have failed.
    first_failed: u64,
    /// The first failure in order; nothing is issued after it.
    failure: Option<Error>,
    /// How many workers wait for something to do.
    asleep: usize,
}

impl<A: Scheduler> WorkQueue<'_, A> {
    fn put(&mut self, number: u64, result: Result<A::Outcome, Error>) {
        if result.is_err() {
            self.first_failed = self.first_failed.min(number);
        }
        self.under_way[(number - self.oldest) as usize] = Some(result);
    }

    /// Issues all jobs that there are, then takes one outcome, and so on as far as outcomes are there in order. What is issued when does not
    /// depend on how many outcomes happen to be there.
    fn advance(&mut self) {
        loop {
            while self.failure.is_none() {
                let job = match caught(|| self.scheduler.issue()) {
                    Ok(Some(job)) => job,
                    Ok(None) => break,
                    Err(error) => {
                        self.failure = Some(error);
                        break;
                    }
                };
                self.waiting.push_back((self.oldest + self.under_way.len() as u64, job));
                self.under_way.push_back(None);
            }
            let is_there = matches!(self.under_way.front(), Some(Some(_)));
            let Some(result) = is_there.then(|| self.under_way.pop_front().flatten()).flatten() else { return };
            self.oldest += 1;
            if self.failure.is_none() {
                self.failure = result.and_then(|outcome| caught(|| self.scheduler.take(outcome))).err();
            }
        }
    }
}

/// A panic is an error.
fn caught<T>(action: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(action))
        .unwrap_or_else(|panic| Err(Error::Defect { message: panic_message(panic.as_ref()) }))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a worker panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts down: each outcome n makes n − 1 ready twice. What is not ready yet is filled up from `reserve`, so that the order
    /// of the jobs depends on when the scheduler is asked.
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

    impl Scheduler for Countdown {
        type Job = u32;
        type Outcome = u32;

        fn issue(&mut self) -> Result<Option<u32>, Error> {
            let job = self.ready.pop_front().or_else(|| {
                self.reserve = self.reserve.checked_sub(1).filter(|_| self.under_way < 5)?;
                Some(self.reserve % 4)
            });
            self.under_way += u32::from(job.is_some());
            Ok(job)
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
            let mut scheduler = Countdown::new([7], 1000);
            run(&pool(threads), &mut scheduler, |job, _| {
                // Uneven work, so that later jobs overtake earlier ones.
                Ok((0..(job % 3) * 10_000).fold(job, |value, step| std::hint::black_box(value ^ step ^ step)))
            })
            .unwrap();
            scheduler.taken
        };
        let alone = run_with(1);
        assert_eq!(alone.len(), 255 + 250 * (1 + 3 + 7 + 15));
        for _ in 0..20 {
            assert_eq!(alone, run_with(8));
        }
    }

    #[test]
    fn the_first_failure_in_order_is_the_one_reported() {
        let mut scheduler = Countdown::new(0..100, 0);
        let failed = run(&pool(4), &mut scheduler, |job, _| {
            if job % 10 == 7 { Err(Error::Defect { message: format!("job {job}") }) } else { Ok(0) }
        });
        assert_eq!(failed.unwrap_err().to_string(), "defect in slidezoom: job 7");
        assert_eq!(scheduler.taken.len(), 7);
    }

    #[test]
    fn a_panic_is_an_error_and_no_hang() {
        let mut scheduler = Countdown::new([3], 0);
        let failed = run(&pool(2), &mut scheduler, |job, _| if job == 1 { panic!("job {job} broke") } else { Ok(job) });
        assert_eq!(failed.unwrap_err().to_string(), "defect in slidezoom: job 1 broke");
    }
}
