// The engine thread runs the jobs of all sessions one after another, for every Node environment of
// the process. Each environment has a Mailbox that holds its finished jobs until they are settled
// on the environment's own thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "engine/shared_pool.h"

namespace nano::binding {

class Mailbox;

// Work to run on the engine thread. Its result is then reported on the environment's thread.
class Job {
 public:
  virtual ~Job() = default;
  virtual void Execute() noexcept = 0;
  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

 protected:
  explicit Job(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

 private:
  std::shared_ptr<Mailbox> mailbox_;
};

// Jobs move between lists by splicing nodes, so the engine thread allocates nothing.
using JobList = std::list<std::unique_ptr<Job>>;

// Finished jobs of one environment. Each delivery calls `notify` on the engine thread. `notify` is
// never called after Close() has returned.
class Mailbox {
 public:
  explicit Mailbox(std::function<void()> notify) : notify_(std::move(notify)) {}
  void Deliver(JobList& finished) noexcept;
  JobList Collect();
  void Close();

 private:
  std::mutex mutex_;
  std::function<void()> notify_;
  JobList finished_;
  bool open_ = true;
};

class Engine {
 public:
  // Created on first use and never destroyed, because its threads may outlive every environment
  // until the process ends.
  static Engine& Get();

  // Starts the engine's thread unless it runs. Throws Refused if the system has none left.
  void Start();

  // Queues a job for the thread, which must be started. Jobs of all environments run in the order in
  // which they are posted.
  void Post(std::unique_ptr<Job> job);
  // Discards the waiting jobs of this environment. If one of its jobs is running, waits for it.
  void Drop(const Mailbox& mailbox);

  SharedPool& pool() { return pool_; }  // only jobs may use it; any thread may read its size

 private:
  Engine();
  void Work();
  void Poll() const;

  SharedPool pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  JobList waiting_;
  const Mailbox* running_ = nullptr;  // the mailbox of the running job
  bool started_ = false;
  std::atomic<bool> waits_ = false;  // whether a job waits; only to poll
};

}  // namespace nano::binding
