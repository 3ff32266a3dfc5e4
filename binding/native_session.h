// The JavaScript class Session. Each method checks and copies its arguments and posts a job to the
// engine thread.
#pragma once

#include <napi.h>

#include <memory>

#include "binding/environment.h"
#include "engine/session.h"

namespace nano::binding {

class NativeSession : public Napi::ObjectWrap<NativeSession> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit NativeSession(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override;

 private:
  // Shared with the jobs, which outlive this object if it is garbage-collected first. After the
  // first job is posted, only the engine thread uses the session. It is null after disposal.
  struct State {
    std::unique_ptr<Session> session;
    std::shared_ptr<Cancellations> cancellations = std::make_shared<Cancellations>();
    std::atomic<int64_t> bytes{0};  // what the session holds since its last job
    // Only the environment's thread uses these.
    int64_t told = 0;  // the bytes that the garbage collector knows of
    bool dropped = false;

    // Tells the garbage collector what the session holds, so that it collects sessions that were
    // dropped without being disposed. To it alone, a session is as small as any other object.
    void Tell(Napi::BasicEnv env);
  };

  Napi::Value Allocate(const Napi::CallbackInfo& info);
  Napi::Value Write(const Napi::CallbackInfo& info);
  Napi::Value Map(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  Napi::Value Free(const Napi::CallbackInfo& info);
  Napi::Value Compile(const Napi::CallbackInfo& info);
  Napi::Value Release(const Napi::CallbackInfo& info);
  Napi::Value Memory(const Napi::CallbackInfo& info);
  Napi::Value Run(const Napi::CallbackInfo& info);
  void Cancel(const Napi::CallbackInfo& info);
  void Abandon(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);

  template <class T>
  using Work = std::function<Result<T>(Session&)>;
  template <class T>
  using Convert = std::function<Napi::Value(Napi::Env, T&)>;

  // Submits a job on this session.
  template <class T>
  Napi::Value Submit(Napi::Env env, Work<T> work, Convert<T> convert);
  // Submits a job that has no result value.
  Napi::Value SubmitStatus(Napi::Env env, std::function<Status(Session&)> work);
  // Calls `body`, which checks arguments and submits a job. Exceptions become a rejected promise.
  template <class Body>
  Napi::Value Promise(const Napi::CallbackInfo& info, Body&& body);

  std::shared_ptr<State> state_ = std::make_shared<State>();
  bool disposed_ = false;
};

// Calls `body`. Exceptions of C++ become errors of JavaScript: others would end the process.
template <class Body>
auto Throwing(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Refused& refused) {
    throw ErrorFor(env, refused.status());
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw ErrorFor(env, Status(Code::kOutOfMemory, "out of memory"));
  } catch (const std::exception& error) {
    throw ErrorFor(env, Status(Code::kInternal, error.what()));
  }
}

// Calls `body`. Exceptions become a rejected promise.
template <class Body>
Napi::Value Rejecting(Napi::Env env, Body&& body) {
  const auto reject = [&](const Napi::Value& error) -> Napi::Value {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(error);
    return deferred.Promise();
  };
  try {
    return Throwing(env, std::forward<Body>(body));
  } catch (const Napi::Error& error) {
    return reject(error.Value());
  }
}

}  // namespace nano::binding
