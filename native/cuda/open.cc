// Finds the CUDA module and opens devices through it. JavaScript names it (UseModule). Otherwise it is
// the library that NANO_GPT_CUDA_MODULE names, or one in the same folder as this one. If the module,
// the driver or a GPU is missing, CUDA is reported as unavailable, with the reason.
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "engine/backend.h"
#include "gpu/backend.h"
#include "gpu/driver.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace nano::cuda {
namespace {

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

struct Named {
  std::string path;
  std::string reason;
  bool is_there = false;
};
std::mutex naming;
std::optional<Named> named;

#if defined(_WIN32)
// Paths stay in UTF-16: the functions for 8-bit text know only the characters of one code page.
using Path = std::wstring;
const Path kModuleFile = L"nano_gpt_cuda.dll";

std::string Text(const Path& path) {
  const int units = static_cast<int>(path.size());
  const int bytes = WideCharToMultiByte(CP_UTF8, 0, path.data(), units, nullptr, 0, nullptr, nullptr);
  std::string text(static_cast<size_t>(bytes), '\0');
  WideCharToMultiByte(CP_UTF8, 0, path.data(), units, text.data(), bytes, nullptr, nullptr);
  return text;
}

Path FromText(const std::string& text) {
  const int bytes = static_cast<int>(text.size());
  Path path(static_cast<size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), bytes, nullptr, 0)), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), bytes, path.data(), static_cast<int>(path.size()));
  return path;
}

// The file that NANO_GPT_CUDA_MODULE names. It has a full path, because Windows looks for the
// libraries that a module needs next to it only then.
std::optional<Path> ChosenFile() {
  const DWORD bytes = GetEnvironmentVariableW(L"NANO_GPT_CUDA_MODULE", nullptr, 0);
  if (bytes == 0) return std::nullopt;
  Path name(bytes, L'\0');
  name.resize(GetEnvironmentVariableW(L"NANO_GPT_CUDA_MODULE", name.data(), bytes));
  Path path(GetFullPathNameW(name.c_str(), 0, nullptr, nullptr), L'\0');
  path.resize(GetFullPathNameW(name.c_str(), static_cast<DWORD>(path.size()), path.data(), nullptr));
  return path;
}

Path OwnFolder() {
  HMODULE own = nullptr;
  if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                          reinterpret_cast<LPCWSTR>(&OwnFolder), &own)) {
    return {};
  }
  Path whole(MAX_PATH, L'\0');
  DWORD length = 0;
  // A path that does not fit is cut off, to the length of the space for it.
  while ((length = GetModuleFileNameW(own, whole.data(), static_cast<DWORD>(whole.size()))) == whole.size()) {
    whole.resize(2 * whole.size());
  }
  whole.resize(length);
  return whole.substr(0, whole.find_last_of(L"\\/") + 1);
}

bool Exists(const Path& path) { return GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES; }

Entry Load(const Path& path, std::string& reason) {
  const HMODULE library = LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) {
    const DWORD error = GetLastError();
    reason = error == ERROR_MOD_NOT_FOUND    ? "a library that it needs is missing"
             : error == ERROR_BAD_EXE_FORMAT ? "it is not a library for this processor"
                                             : "Windows error " + std::to_string(error);
    return nullptr;
  }
  return reinterpret_cast<Entry>(reinterpret_cast<void*>(GetProcAddress(library, kEntry)));
}
#else
using Path = std::string;
const Path kModuleFile = "nano_gpt_cuda.so";

const std::string& Text(const Path& path) { return path; }
const Path& FromText(const std::string& text) { return text; }

// The file that NANO_GPT_CUDA_MODULE names.
std::optional<Path> ChosenFile() {
  const char* chosen = std::getenv("NANO_GPT_CUDA_MODULE");
  return chosen == nullptr ? std::nullopt : std::optional<Path>(chosen);
}

Path OwnFolder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&OwnFolder), &info) == 0 || info.dli_fname == nullptr) return "";
  const Path whole = info.dli_fname;
  return whole.substr(0, whole.find_last_of('/') + 1);
}

bool Exists(const Path& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file != nullptr) std::fclose(file);
  return file != nullptr;
}

// Never closed, because CUDA has threads and handlers in it.
Entry Load(const Path& path, std::string& reason) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* error = dlerror();
    reason = error == nullptr ? "" : error;
    return nullptr;
  }
  return reinterpret_cast<Entry>(dlsym(library, kEntry));
}
#endif

Found Find() {
  Path path;
  if (const std::lock_guard lock(naming); named) {
    if (named->path.empty()) return {nullptr, named->reason, named->is_there};
    path = FromText(named->path);
  } else {
    const std::optional<Path> chosen = ChosenFile();
    path = chosen ? *chosen : OwnFolder() + kModuleFile;
    if (!chosen && !Exists(path)) return {nullptr, kNotBuilt, false};
  }
  if (!Exists(path)) return {nullptr, "the CUDA module is " + Text(path) + ", and there is no such file", true};
  const std::string text = Text(path);
  std::string reason;
  const Entry entry = Load(path, reason);
  if (entry == nullptr) {
    return {nullptr, text + " can't be loaded: " + (reason.empty() ? "it is no module of nano-gpt" : reason), true};
  }
  const gpu::Module* module = entry();
  if (module->abi != gpu::kAbi) {
    return {nullptr,
            text +
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

void UseModule(std::string path, std::string reason, bool is_there) {
  const std::lock_guard lock(naming);
  named = {std::move(path), std::move(reason), is_there};
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
