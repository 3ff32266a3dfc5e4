#include "binding/environment.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace nano::binding {
namespace {

// Smaller results are copied, which takes less time than a finalizer.
constexpr size_t kLeastOwned = 64 << 10;

}  // namespace

Environment::Environment(Napi::Env env) : env_(env) {
  uint8_array_ = Napi::Persistent(env.Global().Get("Uint8Array").As<Napi::Function>());
  // Only called for finished jobs. `wake_` doesn't change while a job is unsettled.
  mailbox_ =
      std::make_shared<Mailbox>([this] { napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking); });
}

void Environment::MakeWake() {
  const Napi::String name = Napi::String::New(env_, "nano-gpt");
  napi_threadsafe_function wake = nullptr;
  napi_status status = napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                                       &Environment::OnFinished, &wake);
  // Cleanup hooks run in reverse order, so this one runs before Node's own hook for `wake`. After
  // Node's hook no thread may use `wake`.
  if (status == napi_ok) status = napi_add_env_cleanup_hook(env_, &Environment::OnCleanup, this);
  if (status != napi_ok) {
    if (wake != nullptr) napi_release_threadsafe_function(wake, napi_tsfn_release);
    throw Napi::Error::New(env_, "nano-gpt could not be set up in this environment");
  }
  wake_ = wake;
}

void Environment::ReleaseWake() {
  napi_remove_env_cleanup_hook(env_, &Environment::OnCleanup, this);
  napi_release_threadsafe_function(std::exchange(wake_, nullptr), napi_tsfn_release);
}

Environment::~Environment() {
  Close();
  // The environment's heap is being destroyed, so the reference must not be deleted.
  uint8_array_.SuppressDestruct();
}

void Environment::OnCleanup(void* environment) { static_cast<Environment*>(environment)->Close(); }

// Detaches this environment from the engine: the running job stops after its current op and
// waiting jobs are discarded. From here on the engine thread makes no Node calls for this
// environment.
void Environment::Close() {
  if (mailbox_ == nullptr) return;
  mailbox_->Close();
  for (const auto& weak : sessions_) {
    if (const auto session = weak.lock()) session->Cancel(Stop::kAtOnce);
  }
  Engine::Get().Drop(*mailbox_);
  mailbox_->Collect();
}

void Environment::Register(const std::shared_ptr<Cancellations>& session) { sessions_.push_back(session); }

void Environment::Forget(const std::shared_ptr<Cancellations>& session) {
  std::erase_if(sessions_, [&](const auto& weak) { return weak.lock() == session; });
}

void Environment::Hold(std::shared_ptr<void> resource) { held_.push_back(std::move(resource)); }

void Environment::Drop(const std::shared_ptr<void>& resource) { std::erase(held_, resource); }

void Environment::Post(std::unique_ptr<Job> job) {
  Engine::Get().Start();  // First, because it may throw, and a counted job keeps the process running.
  if (wake_ == nullptr) {
    MakeWake();
  } else if (pending_ == 0) {
    napi_ref_threadsafe_function(env_, wake_);
  }
  ++pending_;
  Engine::Get().Post(std::move(job));
}

void Environment::OnFinished(napi_env env, napi_value, void* environment, void*) {
  if (env != nullptr) static_cast<Environment*>(environment)->SettleFinished();
}

void Environment::SettleFinished() {
  JobList finished = mailbox_->Collect();
  while (!finished.empty()) {
    try {
      const Napi::HandleScope scope(env_);
      static_cast<Promised&>(*finished.front()).Settle(env_);
    } catch (const Napi::Error&) {  // the environment is ending, so the error can't be reported
    }
    finished.pop_front();
    if (--pending_ > 0) continue;
    // Forget sessions that were garbage-collected without being disposed.
    std::erase_if(sessions_, [](const auto& weak) { return weak.expired(); });
    if (sessions_.empty()) {
      ReleaseWake();
    } else {
      napi_unref_threadsafe_function(env_, wake_);
    }
  }
}

Napi::Uint8Array Environment::NewUint8Array(Napi::Value of, size_t size) const {
  const auto array = uint8_array_.New({of}).As<Napi::Uint8Array>();
  // A program may have replaced the global Uint8Array before this addon was loaded.
  if (!array.IsTypedArray() || array.ByteLength() != size) {
    throw Refused(Status(Code::kUnsupported, "the global Uint8Array makes arrays of another length"));
  }
  return array;
}

Napi::Value Environment::Uint8ArrayOf(const Bytes& bytes) const {
  // If there is no memory, the constructor throws, while napi_create_arraybuffer would end the
  // process.
  try {
    auto array = NewUint8Array(Napi::Number::New(env_, static_cast<double>(bytes.size())), bytes.size());
    if (bytes.size() > 0) std::memcpy(array.Data(), bytes.data(), bytes.size());
    return array;
  } catch (const Napi::Error&) {
    throw Refused(NoMemoryFor(bytes.size(), "the result"));
  }
}

Napi::Value Environment::Uint8ArrayOwning(Bytes&& bytes) const {
  const size_t size = bytes.size();
  if (size < kLeastOwned) return Uint8ArrayOf(bytes);
  // Shared with the finalizer, because a call that fails may have run it, or run it later.
  const auto owned = std::make_shared<Bytes>(std::move(bytes));
  auto* const hint = new std::shared_ptr<Bytes>(owned);
  const auto release = [](napi_env, void*, void* given) { delete static_cast<std::shared_ptr<Bytes>*>(given); };
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env_, owned->data(), size, release, hint, &buffer);
  if (status != napi_ok) {
    // In Electron, for example, all buffers must be in the heap of JavaScript.
    if (status == napi_no_external_buffers_allowed) delete hint;
    if (env_.IsExceptionPending()) env_.GetAndClearPendingException();
    return Uint8ArrayOf(*owned);
  }
  try {
    return NewUint8Array(Napi::Value(env_, buffer), size);
  } catch (const Napi::Error&) {
    throw Refused(NoMemoryFor(size, "the result"));
  }
}

}  // namespace nano::binding
