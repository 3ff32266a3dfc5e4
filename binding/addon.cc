// The addon's exports: information about this binary, the pool's size, file locks, the class Session.
#include <napi.h>

#include <array>
#include <string>
#include <string_view>

#include "binding/coverage.h"
#include "binding/environment.h"
#include "binding/lock.h"
#include "binding/native_session.h"
#include "binding/pin.h"
#include "cpu/backend.h"
#include "cpu/kernel.h"
#include "cpu/peak.h"
#include "engine/backend.h"

namespace nano::binding {
namespace {

constexpr std::array<std::string_view, 4> kFusedOps = {"linear", "dropout_add", "matmul_accumulate",
                                                       "embedding_accumulate"};

Napi::String Text(Napi::Env env, std::string_view text) { return Napi::String::New(env, std::string(text)); }

Napi::Object FromAvailability(Napi::Env env, const Availability& availability) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("present", availability.present);
  object.Set("available", availability.available);
  object.Set("reason", availability.reason);
  return object;
}

Napi::Value Info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const cpu::KernelTable* table = cpu::SelectKernels();  // null: see cpuReason
  Napi::Array sets = Napi::Array::New(env);
  for (const std::string_view name : cpu::InstructionSets()) sets.Set(sets.Length(), Text(env, name));
  Napi::Array ops = Napi::Array::New(env);
  if (table != nullptr) {
    for (const cpu::Kernel& kernel : table->kernels) ops.Set(ops.Length(), Text(env, kernel.name));
  }
  Napi::Array fused = Napi::Array::New(env);
  for (const std::string_view name : kFusedOps) {
    if (table == nullptr || table->find(name) != nullptr) fused.Set(fused.Length(), Text(env, name));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("version", NANO_GPT_VERSION);
  object.Set("instructionSet", table == nullptr ? "" : table->instruction_set);
  object.Set("instructionSets", sets);
  object.Set("cpuReason", cpu::WhyNoKernels());
  object.Set("threads", Engine::Get().pool().threads());
  object.Set("externalBytes", static_cast<double>(Napi::MemoryManagement::AdjustExternalMemory(env, 0)));
  object.Set("ops", ops);
  object.Set("fusedOps", fused);
  object.Set("cuda", FromAvailability(env, cuda::Probe()));
  object.Set("metal", FromAvailability(env, metal::Probe()));
  return object;
}

// useCudaModule(path, reason, isThere): see UseModule.
Napi::Value UseCudaModule(const Napi::CallbackInfo& info) {
  return Throwing(info.Env(), [&]() -> Napi::Value {
    cuda::UseModule(TextFrom(info[0], "path"), TextFrom(info[1], "reason"), FlagFrom(info[2], "isThere"));
    return info.Env().Undefined();
  });
}

Napi::Value SetThreads(const Napi::CallbackInfo& info) {
  return Rejecting(info.Env(), [&]() -> Napi::Value {
    const uint64_t threads = CountFrom(info[0], "threads", 1);
    if (threads > kMaxThreads) {
      throw Refused(Status(Code::kInvalidArgument, "threads is " + std::to_string(threads) + "; it must be at most " +
                                                       std::to_string(kMaxThreads)));
    }
    return Environment::Of(info.Env())
        .Submit<Nothing>(
            [threads]() -> Result<Nothing> {
              NANO_RETURN_IF_ERROR(Engine::Get().pool().Resize(static_cast<int>(threads)));
              return Nothing();
            },
            [](Napi::Env to, Nothing&) { return to.Undefined(); });
  });
}

// Measures the peak performance of the processor with the pool's threads.
Napi::Value Peak(const Napi::CallbackInfo& info) {
  return Rejecting(info.Env(), [&]() -> Napi::Value {
    const std::string instruction_set = info[0].IsUndefined() ? "" : TextFrom(info[0], "instructionSet");
    return Environment::Of(info.Env())
        .Submit<cpu::Peak>([instruction_set] { return cpu::MeasurePeak(instruction_set, Engine::Get().pool().Get()); },
                           [](Napi::Env to, cpu::Peak& peak) {
                             Napi::Object object = Napi::Object::New(to);
                             object.Set("flopsPerSecond", peak.flops_per_second);
                             object.Set("readBytesPerSecond", peak.read_bytes_per_second);
                             object.Set("triadBytesPerSecond", peak.triad_bytes_per_second);
                             return object;
                           });
  });
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  PinLibrary();
  env.SetInstanceData(new Environment(env));
  exports.Set("info", Napi::Function::New<Info>(env, "info"));
  exports.Set("version", NANO_GPT_VERSION);
  exports.Set("useCudaModule", Napi::Function::New<UseCudaModule>(env, "useCudaModule"));
  exports.Set("setThreads", Napi::Function::New<SetThreads>(env, "setThreads"));
  exports.Set("lockFile", Napi::Function::New<LockFileAt>(env, "lockFile"));
  exports.Set("peak", Napi::Function::New<Peak>(env, "peak"));
  exports.Set("Session", NativeSession::Define(env));
#if defined(NANO_FUZZING)
  exports.Set("coverage", Napi::Function::New<Coverage>(env, "coverage"));
#endif
  return exports;
}

}  // namespace
}  // namespace nano::binding

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return nano::binding::Init(env, exports); }

NODE_API_MODULE(nano_gpt, InitAddon)
