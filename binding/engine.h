// The thread that runs all sessions' jobs, one after another, for every Node environment of the process, and the way
// back: each environment has a Mailbox in which its finished jobs wait to be settled on its own thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "engine/shared_pool.h"

namespace nano::binding {

class Mailbox;

// Something to do on the engine's thread and then to report on the environment's.
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

// Jobs wait in lists whose nodes move from one to the next, so that nothing is allocated on the engine's thread.
using JobList = std::list<std::unique_ptr<Job>>;

// Finished jobs of one environment. `notify` is called on the engine's thread after each, never once Close() returned.
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
  // Made when first asked for and never destroyed: its threads may outlive every environment, up to the process's end.
  static Engine& Get();

  // First come, first served, across all environments.
  void Post(std::unique_ptr<Job> job);
  // Forgets this environment's waiting jobs and waits for the one that is running, if it is its.
  void Drop(const Mailbox& mailbox);

  SharedPool& pool() { return pool_; }  // for jobs; others may ask for its size

 private:
  Engine();
  void Work();

  SharedPool pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  JobList waiting_;
  const Mailbox* running_ = nullptr;  // whose job
  bool started_ = false;
};

}  // namespace nano::binding
