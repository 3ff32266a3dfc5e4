#include "binding/lock.h"

#include <memory>
#include <string>
#include <system_error>

#include "binding/environment.h"
#include "binding/values.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace nano::binding {
namespace {

#if defined(_WIN32)

// Far beyond the contents, because Windows denies reading locked bytes.
constexpr DWORD kLockedAtHigh = 0x7FFFFFFF;

class FileLock {
 public:
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    if (file_ == INVALID_HANDLE_VALUE) return;
    OVERLAPPED range = Range();
    UnlockFileEx(file_, 0, 1, 0, &range);  // closing the file would release it, but not at once
    CloseHandle(file_);
  }

  // Whether it got the lock. False: another open file has it.
  Result<bool> Take(const Napi::Value& path) {
    const std::u16string name = path.As<Napi::String>().Utf16Value();
    // Sharing everything lets others read, rename and delete the file. The handle is not inherited.
    file_ = CreateFileW(reinterpret_cast<const wchar_t*>(name.c_str()), GENERIC_READ | GENERIC_WRITE,
                        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                        FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
    if (file_ == INVALID_HANDLE_VALUE) return Failed("cannot be opened", GetLastError());
    OVERLAPPED range = Range();
    if (LockFileEx(file_, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &range)) return true;
    const DWORD error = GetLastError();
    if (error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING) return false;
    return Failed("cannot be locked", error);
  }

 private:
  static OVERLAPPED Range() {
    OVERLAPPED range{};
    range.OffsetHigh = kLockedAtHigh;
    return range;
  }

  static Status Failed(const char* what, DWORD error) {
    const bool has_no_locks = error == ERROR_NOT_SUPPORTED || error == ERROR_INVALID_FUNCTION;
    return {has_no_locks ? Code::kUnsupported : Code::kInternal,
            "the lock file " + std::string(what) + " (Windows error " + std::to_string(error) + ")"};
  }

  HANDLE file_ = INVALID_HANDLE_VALUE;
};

#else

// Repeats a system call that a signal interrupts.
template <class Call>
int Retrying(Call&& call) {
  int result = 0;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

class FileLock {
 public:
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    if (file_ != -1) close(file_);
  }

  // Whether it got the lock. False: another open file has it.
  Result<bool> Take(const Napi::Value& path) {
    const std::string name = path.As<Napi::String>().Utf8Value();
    // O_CLOEXEC, because a child process that inherited the file would keep the lock. Writing is
    // required by NFS, which makes the lock one of a range of bytes.
    file_ = Retrying([&] { return open(name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW); });
    if (file_ == -1) return Failed("cannot be opened", errno);
    // Unlike fcntl's locks, flock's belongs to the open file: it excludes other threads of this
    // process too, and closing another descriptor of the same file does not release it.
    if (Retrying([&] { return flock(file_, LOCK_EX | LOCK_NB); }) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return Failed("cannot be locked", errno);
  }

 private:
  static Status Failed(const char* what, int error) {
    const bool has_no_locks =
        error == ENOLCK || error == ENOTSUP || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS;
    return {has_no_locks ? Code::kUnsupported : Code::kInternal,
            "the lock file " + std::string(what) + ": " + std::generic_category().message(error)};
  }

  int file_ = -1;
};

#endif

}  // namespace

Napi::Value LockFileAt(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    TextFrom(info[0], "path");
    const auto lock = std::make_shared<FileLock>();
    const Result<bool> taken = lock->Take(info[0]);
    if (!taken.ok()) throw Refused(taken.status());
    if (!taken.value()) return env.Null();
    Environment::Of(env).Hold(lock);
    Napi::Object held = Napi::Object::New(env);
    // A weak pointer: the environment releases the lock when it ends, whatever happens to this
    // function.
    held.Set("release", Napi::Function::New(
                            env,
                            [weak = std::weak_ptr<void>(lock)](const Napi::CallbackInfo& call) {
                              Environment::Of(call.Env()).Drop(weak.lock());
                            },
                            "release"));
    return held;
  } catch (const Refused& refused) {
    throw ErrorFor(env, refused.status());
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw ErrorFor(env, Status(Code::kInternal, error.what()));
  }
}

}  // namespace nano::binding
