//! Runs jobs on all workers and takes their results in the order in which the jobs were issued.
//!
//! A result that is finished early waits for its turn, so that everything that follows from results
//! happens in the same order for any number of workers. There is no barrier: while one job is slow,
//! the others continue as far as the scheduler allows. There is no coordinating thread either: the
//! worker that ends a job takes the results whose turn it is, issues the jobs that follow, and
//! takes the next job, all in a few microseconds under one lock, while a job takes hundreds. (A
//! thread for this cost 109,000 context switches per gigapixel.) A job that panics ends the run
//! with an error and cannot hang it.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::ThreadPool;

use crate::error::Error;

/// Decides what to do next.
pub(crate) trait Scheduler {
    /// Work for one worker.
    type Job: Send;
    /// The result of a job.
    type Outcome: Send;

    /// Returns the next job; `None` if there is none until another outcome is taken, or at the end.
    fn issue(&mut self) -> Result<Option<Self::Job>, Error>;

    /// Takes the outcome of the oldest job in flight.
    fn take(&mut self, outcome: Self::Outcome) -> Result<(), Error>;
}

/// Performs all jobs of `scheduler`.
///
/// # Errors
/// The error of the job that was issued first, of those that fail. No job is issued after that;
/// those in flight are waited for.
pub(crate) fn run<A: Scheduler + Send>(
    workers: &ThreadPool,
    scheduler: &mut A,
    perform: impl Fn(A::Job, usize) -> Result<A::Outcome, Error> + Sync,
) -> Result<(), Error> {
    let queue = WorkQueue {
        scheduler,
        waiting: VecDeque::new(),
        in_flight: VecDeque::new(),
        oldest: 0,
        first_failed: u64::MAX,
        failure: None,
        asleep: 0,
    };
    let (queue, changed) = (Mutex::new(queue), Condvar::new());
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    workers.broadcast(|worker| {
        let mut queue = lock();
        loop {
            queue.advance();
            if let Some((number, job)) = queue.waiting.pop_front() {
                // The outcome of a job issued after one that failed will not be used.
                if queue.failure.is_some() || number > queue.first_failed {
                    queue.put(number, Err(Error::Interrupted));
                    continue;
                }
                if queue.asleep > 0 && !queue.waiting.is_empty() {
                    changed.notify_one();
                }
                drop(queue);
                let result = caught(|| perform(job, worker.index()));
                queue = lock();
                queue.put(number, result);
            } else if queue.in_flight.is_empty() {
                changed.notify_all();
                return;
            } else {
                queue.asleep += 1;
                queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.asleep -= 1;
            }
        }
    });
    let failure = lock().failure.take();
    failure.map_or(Ok(()), Err)
}

/// The state that the workers share.
struct WorkQueue<'a, A: Scheduler> {
    scheduler: &'a mut A,
    /// Jobs that no worker has taken, with their numbers.
    waiting: VecDeque<(u64, A::Job)>,
    /// The results of all jobs since number `oldest`; `None` if a job is not finished.
    in_flight: VecDeque<Option<Result<A::Outcome, Error>>>,
    oldest: u64,
    /// The lowest number of a job that has failed.
    first_failed: u64,
    /// The first failure in the order of jobs; nothing is issued after it.
    failure: Option<Error>,
    /// The number of workers that wait for a job.
    asleep: usize,
}

impl<A: Scheduler> WorkQueue<'_, A> {
    fn put(&mut self, number: u64, result: Result<A::Outcome, Error>) {
        if result.is_err() {
            self.first_failed = self.first_failed.min(number);
        }
        self.in_flight[(number - self.oldest) as usize] = Some(result);
    }

    /// Issues all available jobs, takes one outcome, and repeats as long as the next outcome in
    /// order is there. When a job is issued does not depend on how many outcomes happen to be
    /// there.
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
                self.waiting.push_back((self.oldest + self.in_flight.len() as u64, job));
                self.in_flight.push_back(None);
            }
            let is_there = matches!(self.in_flight.front(), Some(Some(_)));
            let Some(result) = is_there.then(|| self.in_flight.pop_front().flatten()).flatten()
            else {
                return;
            };
            self.oldest += 1;
            if self.failure.is_none() {
                self.failure =
                    result.and_then(|outcome| caught(|| self.scheduler.take(outcome))).err();
            }
        }
    }
}

/// Turns a panic into an error.
fn caught<T>(action: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(action))
        .unwrap_or_else(|panic| Err(Error::Defect { message: panic_message(panic.as_ref()) }))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a worker panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts down: each outcome n makes n − 1 ready twice. Jobs that are missing come from
    /// `reserve`, so that the order of jobs depends on when the scheduler is asked.
    struct Countdown {
        ready: VecDeque<u32>,
        reserve: u32,
        in_flight: u32,
        taken: Vec<u32>,
    }

    impl Countdown {
        fn new(ready: impl IntoIterator<Item = u32>, reserve: u32) -> Self {
            Self { ready: ready.into_iter().collect(), reserve, in_flight: 0, taken: Vec::new() }
        }
    }

    impl Scheduler for Countdown {
        type Job = u32;
        type Outcome = u32;

        fn issue(&mut self) -> Result<Option<u32>, Error> {
            let job = self.ready.pop_front().or_else(|| {
                self.reserve = self.reserve.checked_sub(1).filter(|_| self.in_flight < 5)?;
                Some(self.reserve % 4)
            });
            self.in_flight += u32::from(job.is_some());
            Ok(job)
        }

        fn take(&mut self, outcome: u32) -> Result<(), Error> {
            self.taken.push(outcome);
            self.in_flight -= 1;
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
    fn keeps_the_order_for_any_number_of_workers() {
        let run_with = |threads| {
            let mut scheduler = Countdown::new([7], 1000);
            run(&pool(threads), &mut scheduler, |job, _| {
                // Uneven work, so that later jobs overtake earlier ones.
                Ok((0..(job % 3) * 10_000)
                    .fold(job, |value, step| std::hint::black_box(value ^ step ^ step)))
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
    fn reports_the_first_failure_in_order() {
        let mut scheduler = Countdown::new(0..100, 0);
        let failed = run(&pool(4), &mut scheduler, |job, _| {
            if job % 10 == 7 { Err(Error::Defect { message: format!("job {job}") }) } else { Ok(0) }
        });
        assert_eq!(failed.unwrap_err().to_string(), "defect in slidezoom: job 7");
        assert_eq!(scheduler.taken.len(), 7);
    }

    #[test]
    fn turns_a_panic_into_an_error() {
        let mut scheduler = Countdown::new([3], 0);
        let failed = run(&pool(2), &mut scheduler, |job, _| {
            if job == 1 { panic!("job {job} broke") } else { Ok(job) }
        });
        assert_eq!(failed.unwrap_err().to_string(), "defect in slidezoom: job 1 broke");
    }
}
