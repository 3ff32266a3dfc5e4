#include "metal/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/fibres.h"

namespace emulate {
namespace {
namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// A 128-bit hash: FNV-1a from two starting values.
std::string Hash(const std::string& text) {
  std::array<uint64_t, 2> hash = {0xCBF29CE484222325u, 0x9AE16A3B2F90404Fu};
  for (const unsigned char c : text)
    for (uint64_t& h : hash) h = (h ^ c) * 0x100000001B3u;
  char name[33];
  snprintf(name, sizeof name, "%016lx%016lx", static_cast<unsigned long>(hash[0]), static_cast<unsigned long>(hash[1]));
  return name;
}

// All inputs of the compilation: a change in any of them recompiles the shader.
const std::string& Compiler() {
  static const std::string all = [] {
    std::string text;
    for (const char* name : {"compile.js", "rewrite.js", "lint.js", "shim.h"})
      text += ReadFile(fs::path(NANO_MSL_FOLDER) / name) + '\n';
    std::error_code none;
    const fs::path clang = fs::canonical(NANO_MSL_CLANG, none);
    struct stat about {};
    stat(clang.c_str(), &about);
    return text + clang.string() + ' ' + std::to_string(about.st_size) + ' ' + std::to_string(about.st_mtim.tv_sec);
  }();
  return all;
}

// Serializes processes that want to compile the same shader, so that the later ones find the
// result.
class Lock {
 public:
  explicit Lock(const std::string& path) : file_(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
    if (file_ >= 0) flock(file_, LOCK_EX);
  }
  ~Lock() {
    if (file_ >= 0) close(file_);
  }

 private:
  int file_;
};

// Writes `library` and its table. On failure returns false and sets `error`.
bool Compile(const std::string& source, const std::string& flags, const std::string& library, std::string& error) {
  std::string folder = library + ".XXXXXX";
  if (!mkdtemp(folder.data())) {
    error = "can't write to " + folder;
    return false;
  }
  const std::string input = folder + "/program_source.metal", output = folder + "/shader.so";
  std::ofstream(input) << source;
  const std::string command = "cd '" + folder +
                              "' && CLANG='" NANO_MSL_CLANG "' '" NANO_NODE "' '" NANO_MSL_FOLDER "/compile.js' build" +
                              flags + " -o shader.so program_source.metal 2>&1";
  std::string messages;
  FILE* pipe = popen(command.c_str(), "r");
  char text[4096];
  for (size_t n; pipe && (n = fread(text, 1, sizeof text, pipe)) > 0;) messages.append(text, n);
  const bool good = pipe && pclose(pipe) == 0;
  std::error_code failed;
  if (good) {
    if (!messages.empty()) fprintf(stderr, "%s", messages.c_str());  // warnings
    fs::rename(output + ".table", library + ".table", failed);
    if (!failed) fs::rename(output, library, failed);
  }
  error = failed ? failed.message() : messages;
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return good && !failed;
}

// Makes this library's functions visible to shaders, whatever loaded it.
bool BecomeVisible() {
  Dl_info me;
  return dladdr(reinterpret_cast<void*>(LoadLibrary), &me) &&
         dlopen(me.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
}

std::unique_ptr<Library> Open(const std::string& path, std::string& error) {
  static const bool visible = BecomeVisible();
  void* handle = visible ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (!handle) {
    error = dlerror();
    return nullptr;
  }
  auto library = std::make_unique<Library>();
  const auto find = [&](const std::string& name) { return static_cast<char*>(dlsym(handle, name.c_str())); };
  std::ifstream table(path + ".table");
  KernelInfo* kernel = nullptr;
  for (std::string line, kind; std::getline(table, line);) {
    std::istringstream words(line);
    std::string name, word;
    words >> kind;
    if (kind == "kernel") {
      words >> name;
      kernel = &library->kernels[name];
      kernel->entry = reinterpret_cast<void (*)()>(find("msl_entry_" + name));
      kernel->max_threads = *reinterpret_cast<unsigned*>(find("msl_max_" + name));
      library->image = SegmentsAround(reinterpret_cast<const void*>(kernel->entry)).image;
    } else if (kind == "arg") {
      Argument argument;
      std::string space, access;
      words >> word >> argument.index >> space >> access >> argument.condition;
      argument.threadgroup = word == "threadgroup";
      if (argument.condition == "-") argument.condition.clear();
      kernel->arguments.push_back(argument);
    } else if (kind == "constant") {
      ConstantInfo constant;
      words >> constant.name >> constant.index >> constant.type;
      constant.value = find("msl_fc_" + constant.name);
      constant.defined = find("msl_fcdef_" + constant.name);
      library->constants.push_back(constant);
    } else if (kind == "needs") {
      words >> name >> word;
      library->kernels[name].constants.insert(word);
    } else if (kind == "threadgroup") {
      words >> name;
      words >> library->kernels[name].threadgroup_bytes;
    }
  }
  return library;
}
}  // namespace

const Library* LoadLibrary(const std::string& source, const ShaderOptions& options, std::string& error) {
  std::string flags =
      " --version " + options.version + (options.fast ? " --fast" : "") + (options.races ? " --race" : "");
  for (const std::string& define : options.defines) flags += " '-D" + define + "'";
  static std::map<std::string, std::unique_ptr<Library>> loaded;
  const std::string key = Hash(source + '\n' + flags + '\n' + Compiler());
  std::unique_ptr<Library>& library = loaded[key];
  if (library) return library.get();
  const char* chosen = getenv("SIMT_SHADERS");
  const std::string folder = chosen ? chosen : NANO_SHADER_FOLDER;
  const std::string path = folder + '/' + key + ".so";
  if (access(path.c_str(), R_OK) != 0) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    const Lock lock(path + ".lock");
    if (access(path.c_str(), R_OK) != 0 && !Compile(source, flags, path, error)) return nullptr;
  }
  library = Open(path, error);
  if (library) library->races = options.races;
  return library.get();
}

}  // namespace emulate
