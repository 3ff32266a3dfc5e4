// Finds the CUDA module and opens devices through it. It is the library that NANO_GPT_CUDA_MODULE
// names, one in the same folder as this one, or the one that JavaScript found in the package
// nano-gpt-cuda (SuggestModule). If the module, the driver or a GPU is missing, CUDA is reported as
// unavailable, with the reason.
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "engine/backend.h"
#include "gpu/backend.h"
#include "gpu/driver.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace nano::cuda {
namespace {

#if defined(_WIN32)
constexpr char kModuleName[] = "nano_gpt_cuda.dll";
#else
constexpr char kModuleName[] = "nano_gpt_cuda.so";
#endif
#if defined(__APPLE__)
constexpr char kNotBuilt[] = "there is no CUDA on macOS";
#else
constexpr char kNotBuilt[] = "there are no CUDA kernels";
#endif
constexpr char kEntry[] = "nano_gpt_cuda_module";
using Entry = const gpu::Module* (*)();

// The module, or the reason why there is none.
struct Found {
  const gpu::Module* module = nullptr;
  std::string reason;
  bool is_there = false;  // the file exists, or NANO_GPT_CUDA_MODULE names one
};

struct Suggestion {
  std::mutex mutex;
  std::string path;
  std::string reason = kNotBuilt;
  bool is_there = false;
};
Suggestion suggestion;

#if defined(_WIN32)
std::string OwnFolder() {
  HMODULE own = nullptr;
  char path[MAX_PATH];
  if (!GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                          reinterpret_cast<LPCSTR>(&OwnFolder), &own)) {
    return "";
  }
  const DWORD length = GetModuleFileNameA(own, path, MAX_PATH);
  const std::string whole(path, length);
  return whole.substr(0, whole.find_last_of("\\/") + 1);
}

Entry Load(const std::string& path, std::string& reason) {
  const HMODULE library = LoadLibraryA(path.c_str());
  if (library == nullptr) {
    reason = GetLastError() == ERROR_MOD_NOT_FOUND ? "" : "error " + std::to_string(GetLastError());
    return nullptr;
  }
  return reinterpret_cast<Entry>(reinterpret_cast<void*>(GetProcAddress(library, kEntry)));
}
#else
std::string OwnFolder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&OwnFolder), &info) == 0 || info.dli_fname == nullptr) return "";
  const std::string whole = info.dli_fname;
  return whole.substr(0, whole.find_last_of('/') + 1);
}

// Never closed, because CUDA has threads and handlers in it.
Entry Load(const std::string& path, std::string& reason) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* error = dlerror();
    reason = error == nullptr ? "" : error;
    return nullptr;
  }
  return reinterpret_cast<Entry>(dlsym(library, kEntry));
}
#endif

bool Exists(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file != nullptr) std::fclose(file);
  return file != nullptr;
}

Found Find() {
  const char* chosen = std::getenv("NANO_GPT_CUDA_MODULE");
  std::string path = chosen != nullptr ? chosen : OwnFolder() + kModuleName;
  if (!Exists(path)) {
    if (chosen != nullptr) {
      return {nullptr, "NANO_GPT_CUDA_MODULE is " + path + ", and there is no such file", true};
    }
    const std::lock_guard lock(suggestion.mutex);
    if (suggestion.path.empty()) return {nullptr, suggestion.reason, suggestion.is_there};
    path = suggestion.path;
  }
  std::string reason;
  const Entry entry = Load(path, reason);
  if (entry == nullptr) {
    return {nullptr, path + " can't be loaded: " + (reason.empty() ? "it is no module of nano-gpt" : reason), true};
  }
  const gpu::Module* module = entry();
  if (module->abi != gpu::kAbi) {
    return {nullptr,
            path +
                " is of another version of nano-gpt: install the version of nano-gpt-cuda that nano-gpt has, or delete "
                "the file and run \"npx nano-gpt build\"",
            true};
  }
  return {module, "", true};
}

const Found& FindOnce() {
  static const Found found = Find();
  return found;
}

}  // namespace

void SuggestModule(std::string path, std::string reason, bool is_there) {
  const std::lock_guard lock(suggestion.mutex);
  suggestion.path = std::move(path);
  suggestion.reason = std::move(reason);
  suggestion.is_there = is_there;
}

Availability Probe() {
  const Found& found = FindOnce();
  if (found.module == nullptr) return {false, found.reason, found.is_there};
  gpu::Message message;
  int devices = 0;
  if (found.module->count(devices, message) != gpu::Outcome::kOk) return {false, message.text, true};
  if (devices == 0) return {false, message.text, false};
  gpu::Description description;
  if (found.module->describe(0, description, message) != gpu::Outcome::kOk) return {false, message.text, true};
  std::string text = description.name + (", " + std::to_string(description.memory >> 20)) + " MiB";
  if (devices > 1)
    text += ", the first of " + std::to_string(devices) + " (cuda:0 to cuda:" + std::to_string(devices - 1) + ")";
  return {true, std::move(text), true};
}

Result<std::unique_ptr<Device>> Open(int ordinal) {
  const Found& found = FindOnce();
  if (found.module == nullptr) return Status(Code::kUnsupported, "CUDA: " + found.reason);
  gpu::Message message;
  int devices = 0;
  if (found.module->count(devices, message) != gpu::Outcome::kOk) return Status(Code::kUnsupported, message.text);
  if (devices == 0) return Status(Code::kUnsupported, message.text);
  if (ordinal >= devices) {
    return Status(Code::kUnsupported,
                  "there is no device \"cuda:" + std::to_string(ordinal) + "\"; there " +
                      (devices == 1 ? "is one NVIDIA GPU, cuda:0" : "are " + std::to_string(devices) + " NVIDIA GPUs"));
  }
  return gpu::OpenGpu(*found.module, ordinal, "cuda:" + std::to_string(ordinal));
}

}  // namespace nano::cuda
