// The addon's state for one Node environment (the main thread or a worker), including its
// connection to the engine thread.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "binding/engine.h"
#include "binding/values.h"
#include "engine/bytes.h"
#include "engine/guard.h"
#include "engine/session.h"
#include "engine/status.h"

namespace nano::binding {

// The requests to stop the runs of a session. Any thread may make one. It applies to the runs that
// were requested before it.
class Cancellations {
 public:
  void Cancel(Stop how) {
    if (how == Stop::kAtOnce) ended_ = true;
    if (how == Stop::kBeforeNextOp) ++abandoned_;
    ++cancelled_;
  }

  // Asks how soon a run that is requested now must stop.
  std::function<Stop()> ForRun(std::shared_ptr<Cancellations> self) const {
    return [self = std::move(self), cancelled = cancelled_.load(), abandoned = abandoned_.load()] {
      if (self->cancelled_.load(std::memory_order_relaxed) == cancelled) return Stop::kNone;
      if (self->ended_.load(std::memory_order_relaxed)) return Stop::kAtOnce;
      const bool is_abandoned = self->abandoned_.load(std::memory_order_relaxed) != abandoned;
      return is_abandoned ? Stop::kBeforeNextOp : Stop::kBeforeNextStep;
    };
  }

 private:
  std::atomic<uint64_t> cancelled_ = 0;  // requests of any kind
  std::atomic<uint64_t> abandoned_ = 0;
  std::atomic<bool> ended_ = false;
};

// The result type of jobs without a result.
using Nothing = std::monostate;

class Environment {
 public:
  explicit Environment(Napi::Env env);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  // Runs `work` on the engine thread. The promise resolves to the value that `convert` makes of the
  // result on this thread, after `done`, which is also called if the work failed. The event loop
  // stays alive until then.
  template <class T>
  Napi::Promise Submit(std::function<Result<T>()> work, std::function<Napi::Value(Napi::Env, T&)> convert,
                       std::function<void(Napi::Env)> done = {});

  // Adds a session to cancel when the environment ends.
  void Register(const std::shared_ptr<Cancellations>& session);
  // Removes a session after it is disposed.
  void Forget(const std::shared_ptr<Cancellations>& session);

  // Keeps a resource, such as a lock, until Drop() or the end of the environment.
  void Hold(std::shared_ptr<void> resource);
  void Drop(const std::shared_ptr<void>& resource);

  // Copies `bytes` into a Uint8Array with its own ArrayBuffer. Throws Refused if it can't be
  // allocated.
  Napi::Value Uint8ArrayOf(const Bytes& bytes) const;
  // Makes a Uint8Array that owns `bytes`, so that the event loop doesn't pause to copy a large tensor.
  // Such an array can't be transferred to another thread. Copies where the runtime requires it.
  Napi::Value Uint8ArrayOwning(Bytes&& bytes) const;

 private:
  class Promised;
  template <class T>
  class PromisedResult;

  // The Uint8Array for one argument: a size or a buffer.
  Napi::Uint8Array NewUint8Array(Napi::Value of, size_t size) const;
  void Post(std::unique_ptr<Job> job);
  void SettleFinished();
  void Close();
  // The engine thread wakes this thread through a handle of the event loop, which tools such as
  // Jest report as open. The handle therefore exists only while there is a session or an unsettled
  // job.
  void MakeWake();
  void ReleaseWake();
  static void OnCleanup(void* environment);
  static void OnFinished(napi_env env, napi_value, void* environment, void*);

  Napi::Env env_;
  napi_threadsafe_function wake_ = nullptr;
  std::shared_ptr<Mailbox> mailbox_;
  Napi::FunctionReference uint8_array_;
  std::vector<std::weak_ptr<Cancellations>> sessions_;
  std::vector<std::shared_ptr<void>> held_;
  size_t pending_ = 0;  // jobs that are not settled
};

// A job with a promise.
class Environment::Promised : public Job {
 public:
  Promised(std::shared_ptr<Mailbox> mailbox, Napi::Env env)
      : Job(std::move(mailbox)), deferred_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }
  virtual void Settle(Napi::Env env) = 0;

 protected:
  Napi::Promise::Deferred deferred_;
};

template <class T>
class Environment::PromisedResult final : public Promised {
 public:
  PromisedResult(std::shared_ptr<Mailbox> mailbox, Napi::Env env, std::function<Result<T>()> work,
                 std::function<Napi::Value(Napi::Env, T&)> convert, std::function<void(Napi::Env)> done)
      : Promised(std::move(mailbox), env),
        work_(std::move(work)),
        convert_(std::move(convert)),
        done_(std::move(done)) {}

  void Execute() noexcept override {
    result_ = Guarded(work_);
    work_ = nullptr;  // frees its captures as soon as possible, on this thread
  }

  void Settle(Napi::Env env) override {
    if (done_) done_(env);
    try {
      Convert(env);
    } catch (const Napi::Error& error) {  // thrown by a setter that a program added to a prototype
      deferred_.Reject(error.Value());
    }
  }

 private:
  void Convert(Napi::Env env) {
    try {
      if (!result_.ok()) throw Refused(result_.status());
      deferred_.Resolve(convert_(env, result_.value()));
    } catch (const Refused& refused) {
      deferred_.Reject(ErrorFor(env, refused.status()).Value());
    }
  }

  std::function<Result<T>()> work_;
  std::function<Napi::Value(Napi::Env, T&)> convert_;
  std::function<void(Napi::Env)> done_;
  Result<T> result_ = Status(Code::kInternal, "the job has not run");
};

template <class T>
Napi::Promise Environment::Submit(std::function<Result<T>()> work, std::function<Napi::Value(Napi::Env, T&)> convert,
                                  std::function<void(Napi::Env)> done) {
  auto job = std::make_unique<PromisedResult<T>>(mailbox_, env_, std::move(work), std::move(convert), std::move(done));
  const Napi::Promise promise = job->promise();
  Post(std::move(job));
  return promise;
}

}  // namespace nano::binding
