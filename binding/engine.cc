#include "binding/engine.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "binding/values.h"

namespace nano::binding {
namespace {

using Clock = std::chrono::steady_clock;

// How long the thread polls for a job before it sleeps: longer than JavaScript takes to settle a promise
// and post the next job. Waking a thread takes ten times longer than a small job.
constexpr std::chrono::microseconds kPollTime{100};

// Held while the engine thread calls into Node. An exit handler locks it forever: Node shuts down
// then, and process.exit() doesn't run the environments' cleanup first.
std::mutex& NodeMutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}

}  // namespace

void Mailbox::Deliver(JobList& finished) noexcept {
  JobList dropped;  // destroyed after the locks are released
  const std::lock_guard node(NodeMutex());
  const std::lock_guard lock(mutex_);
  if (!open_) {
    dropped.splice(dropped.end(), finished);
    return;
  }
  finished_.splice(finished_.end(), finished);
  notify_();
}

JobList Mailbox::Collect() {
  const std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

void Mailbox::Close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

Engine& Engine::Get() {
  static auto* const engine = new Engine;
  return *engine;
}

Engine::Engine() : pool_(DefaultThreads()) {
#if !defined(_WIN32)  // Windows ends all other threads before it runs exit handlers
  NodeMutex();
  std::atexit([] { NodeMutex().lock(); });
#endif
}

void Engine::Start() {
  const std::lock_guard lock(mutex_);
  if (started_) return;
  try {
    std::thread([this] { Work(); }).detach();
  } catch (const std::system_error& error) {
    throw Refused(Status(Code::kUnsupported, "the engine's thread can't be started: " + std::string(error.what()) +
                                                 ". Raise the limit of processes and threads (ulimit -u)"));
  }
  started_ = true;
}

void Engine::Post(std::unique_ptr<Job> job) {
  JobList one;
  one.push_back(std::move(job));
  const std::lock_guard lock(mutex_);
  waiting_.splice(waiting_.end(), one);
  waits_.store(true, std::memory_order_relaxed);
  changed_.notify_all();
}

void Engine::Drop(const Mailbox& mailbox) {
  JobList dropped;
  std::unique_lock lock(mutex_);
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto job = it++;
    if ((*job)->mailbox().get() == &mailbox) dropped.splice(dropped.end(), waiting_, job);
  }
  waits_.store(!waiting_.empty(), std::memory_order_relaxed);
  changed_.wait(lock, [&] { return running_ != &mailbox; });
}

void Engine::Poll() const {
  const auto end = Clock::now() + kPollTime;
  // A thread that has work, of whatever process, comes first.
  while (!waits_.load(std::memory_order_relaxed) && Clock::now() < end) std::this_thread::yield();
}

void Engine::Work() {
  // On a single processor, polling would take the time of the thread that posts.
  const bool polls = std::thread::hardware_concurrency() > 1;
  while (true) {
    JobList job;
    std::shared_ptr<Mailbox> mailbox;
    if (polls) Poll();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !waiting_.empty(); });
      job.splice(job.end(), waiting_, waiting_.begin());
      waits_.store(!waiting_.empty(), std::memory_order_relaxed);
      mailbox = job.front()->mailbox();
      running_ = mailbox.get();
    }
    job.front()->Execute();
    mailbox->Deliver(job);
    job.clear();
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace nano::binding
