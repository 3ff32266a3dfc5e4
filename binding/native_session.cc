#include "binding/native_session.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace nano::binding {
namespace {

Status Disposed() { return {Code::kDisposed, "the session has been disposed of"}; }

std::string OptionalText(const Napi::Object& options, const char* name, const char* otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsUndefined() ? otherwise : TextFrom(value, name);
}

int HandleFrom(const Napi::Value& value, const std::string& what) {
  const uint64_t handle = CountFrom(value, what, 0);
  // Larger than any handle. 0 is rejected like any handle that doesn't exist.
  return handle > std::numeric_limits<int>::max() ? 0 : static_cast<int>(handle);
}

// A requested run, with its own copy of all inputs.
struct Request {
  std::vector<Bytes> inputs;
  Schedule schedule;
};

void AddPhase(Request& request, const Napi::Value& value, const std::string& what) {
  const Napi::Object phase = ObjectFrom(value, what);
  Schedule::Phase to;
  to.program = HandleFrom(phase.Get("program"), what + ".program");
  to.times = CountFrom(phase.Get("times"), what + ".times", 1);
  to.interruptible = FlagFrom(phase.Get("interruptible"), what + ".interruptible");
  request.inputs.push_back(BytesFrom(phase.Get("inputs"), what + ".inputs"));
  to.inputs = request.inputs.back();
  request.schedule.phases.push_back(to);
}

std::shared_ptr<Request> RequestFrom(const Napi::CallbackInfo& info) {
  auto request = std::make_shared<Request>();
  request->schedule.steps = CountFrom(info[0], "steps", 1);
  const Napi::Array phases = ArrayFrom(info[1], "phases");
  for (uint32_t index = 0; index < phases.Length(); ++index) {
    AddPhase(*request, phases.Get(index), "phases[" + std::to_string(index) + "]");
  }
  if (!info[2].IsUndefined()) {
    const Napi::Object options = ObjectFrom(info[2], "options");
    request->schedule.check_finite = FlagFrom(options.Get("checkFinite"), "options.checkFinite");
    request->schedule.timings = FlagFrom(options.Get("timings"), "options.timings");
  }
  return request;
}

Napi::Value FromFailure(Napi::Env env, const Failure& failure) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("code", NameOf(failure.code));
  object.Set("message", failure.message);
  object.Set("step", static_cast<double>(failure.step));
  object.Set("phase", static_cast<double>(failure.phase));
  object.Set("op", failure.op ? static_cast<double>(*failure.op) : -1.0);
  object.Set("opName", failure.op_name);
  if (failure.buffer) object.Set("buffer", *failure.buffer);
  return object;
}

// For each phase, an array with the seconds of each op.
Napi::Value FromTimings(Napi::Env env, const std::vector<std::vector<double>>& timings) {
  Napi::Array phases = Napi::Array::New(env, timings.size());
  for (uint32_t phase = 0; phase < timings.size(); ++phase) {
    Napi::Array seconds = Napi::Array::New(env, timings[phase].size());
    for (uint32_t op = 0; op < timings[phase].size(); ++op) seconds.Set(op, timings[phase][op]);
    phases.Set(phase, seconds);
  }
  return phases;
}

Napi::Value FromReport(Napi::Env env, RunReport& report) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array outputs = Napi::Array::New(env, report.outputs.size());
  for (uint32_t index = 0; index < report.outputs.size(); ++index) {
    outputs.Set(index, Environment::Of(env).Uint8ArrayOf(report.outputs[index]));
  }
  object.Set("completed", static_cast<double>(report.completed));
  object.Set("outputs", outputs);
  object.Set("seconds", report.seconds);
  if (!report.timings.empty()) object.Set("timings", FromTimings(env, report.timings));
  if (report.failure) object.Set("failure", FromFailure(env, *report.failure));
  return object;
}

Napi::Value FromMemory(Napi::Env env, MemoryReport& report) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array programs = Napi::Array::New(env, report.programs.size());
  for (uint32_t index = 0; index < report.programs.size(); ++index) {
    Napi::Object program = Napi::Object::New(env);
    program.Set("handle", report.programs[index].handle);
    program.Set("arena", static_cast<double>(report.programs[index].arena));
    program.Set("staging", static_cast<double>(report.programs[index].staging));
    programs.Set(index, program);
  }
  object.Set("store", static_cast<double>(report.store));
  object.Set("arena", static_cast<double>(report.arena));
  object.Set("programs", programs);
  return object;
}

}  // namespace

Napi::Function NativeSession::Define(Napi::Env env) {
  return DefineClass(
      env, "Session",
      {InstanceMethod<&NativeSession::Allocate>("allocate"), InstanceMethod<&NativeSession::Write>("write"),
       InstanceMethod<&NativeSession::Map>("map"), InstanceMethod<&NativeSession::Read>("read"),
       InstanceMethod<&NativeSession::Free>("free"), InstanceMethod<&NativeSession::Compile>("compile"),
       InstanceMethod<&NativeSession::Release>("release"), InstanceMethod<&NativeSession::Memory>("memory"),
       InstanceMethod<&NativeSession::Run>("run"), InstanceMethod<&NativeSession::Cancel>("cancel"),
       InstanceMethod<&NativeSession::Abandon>("abandon"), InstanceMethod<&NativeSession::Dispose>("dispose")});
}

NativeSession::NativeSession(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  Throwing(info.Env(), [&] {
    std::string device = "cpu";
    std::string instruction_set;
    if (!info[0].IsUndefined()) {
      const Napi::Object options = ObjectFrom(info[0], "options");
      device = OptionalText(options, "device", "cpu");
      instruction_set = OptionalText(options, "instructionSet", "");
    }
    auto opened = OpenDevice(device, instruction_set, Engine::Get().pool());
    if (!opened.ok()) throw Refused(opened.status());
    state_->session = std::make_unique<Session>(std::move(opened.value()));
    Environment::Of(info.Env()).Register(state_->cancellations);
  });
}

void NativeSession::State::Tell(Napi::BasicEnv env) {
  const int64_t now = dropped ? 0 : bytes.load();
  if (now == told) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, now - told);
  told = now;
}

void NativeSession::Finalize(Napi::BasicEnv env) {
  state_->dropped = true;
  state_->Tell(env);
}

template <class T>
Napi::Value NativeSession::Submit(Napi::Env env, Work<T> work, Convert<T> convert) {
  return Environment::Of(env).Submit<T>(
      [state = state_, work = std::move(work)]() -> Result<T> {
        if (state->session == nullptr) return Disposed();
        Result<T> result = work(*state->session);
        state->bytes = static_cast<int64_t>(state->session->bytes());
        return result;
      },
      std::move(convert), [state = state_](Napi::Env to) { state->Tell(to); });
}

Napi::Value NativeSession::SubmitStatus(Napi::Env env, std::function<Status(Session&)> work) {
  return Submit<Nothing>(
      env,
      [work = std::move(work)](Session& session) -> Result<Nothing> {
        NANO_RETURN_IF_ERROR(work(session));
        return Nothing();
      },
      [](Napi::Env to, Nothing&) { return to.Undefined(); });
}

template <class Body>
Napi::Value NativeSession::Promise(const Napi::CallbackInfo& info, Body&& body) {
  return Rejecting(info.Env(), [&]() -> Napi::Value {
    if (disposed_) throw Refused(Disposed());
    return body(info.Env());
  });
}

Napi::Value NativeSession::Allocate(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    return SubmitStatus(env, [name = TextFrom(info[0], "name"), spec = SpecFrom(info[1], info[2])](Session& session) {
      return session.Allocate(name, spec);
    });
  });
}

Napi::Value NativeSession::Write(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    const std::string name = TextFrom(info[0], "name");
    const auto bytes = std::make_shared<Bytes>(BytesFrom(info[1], "bytes"));
    if (info[2].IsUndefined()) {
      return SubmitStatus(env, [name, bytes](Session& session) { return session.Write(name, *bytes); });
    }
    const uint64_t at = CountFrom(info[2], "offset", 0);
    return SubmitStatus(env, [name, bytes, at](Session& session) { return session.WritePart(name, *bytes, at); });
  });
}

Napi::Value NativeSession::Map(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    return SubmitStatus(env, [name = TextFrom(info[0], "name"), spec = SpecFrom(info[1], info[2]),
                              path = TextFrom(info[3], "path"), offset = CountFrom(info[4], "offset", 0)](
                                 Session& session) { return session.Map(name, spec, path, offset); });
  });
}

Napi::Value NativeSession::Read(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    return Submit<Bytes>(
        env, [name = TextFrom(info[0], "name")](Session& session) { return session.Read(name); },
        [](Napi::Env to, Bytes& bytes) { return Environment::Of(to).Uint8ArrayOwning(std::move(bytes)); });
  });
}

Napi::Value NativeSession::Free(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    return SubmitStatus(env, [name = TextFrom(info[0], "name")](Session& session) { return session.Free(name); });
  });
}

Napi::Value NativeSession::Compile(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    const auto program = std::make_shared<Bytes>(BytesFrom(info[0], "program"));
    return Submit<int>(
        env, [program](Session& session) { return session.Compile(*program); },
        [](Napi::Env to, int& handle) { return Napi::Number::New(to, handle); });
  });
}

Napi::Value NativeSession::Release(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    return SubmitStatus(env,
                        [handle = HandleFrom(info[0], "handle")](Session& session) { return session.Release(handle); });
  });
}

Napi::Value NativeSession::Memory(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    return Submit<MemoryReport>(
        env, [](Session& session) { return session.Memory(); }, FromMemory);
  });
}

Napi::Value NativeSession::Run(const Napi::CallbackInfo& info) {
  return Promise(info, [&](Napi::Env env) {
    const std::shared_ptr<Request> request = RequestFrom(info);
    request->schedule.requested = state_->cancellations->ForRun(state_->cancellations);
    return Submit<RunReport>(
        env, [request](Session& session) { return session.Run(request->schedule); }, FromReport);
  });
}

void NativeSession::Cancel(const Napi::CallbackInfo&) { state_->cancellations->Cancel(Stop::kBeforeNextStep); }

void NativeSession::Abandon(const Napi::CallbackInfo&) { state_->cancellations->Cancel(Stop::kBeforeNextOp); }

Napi::Value NativeSession::Dispose(const Napi::CallbackInfo& info) {
  return Rejecting(info.Env(), [&]() -> Napi::Value {
    disposed_ = true;
    state_->cancellations->Cancel(Stop::kAtOnce);
    return Environment::Of(info.Env())
        .Submit<Nothing>(
            [state = state_]() -> Result<Nothing> {
              state->session.reset();
              state->bytes = 0;
              return Nothing();
            },
            [state = state_](Napi::Env to, Nothing&) {
              Environment::Of(to).Forget(state->cancellations);
              return to.Undefined();
            },
            [state = state_](Napi::Env to) { state->Tell(to); });
  });
}

}  // namespace nano::binding
