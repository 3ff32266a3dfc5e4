#include "engine/mapped_file.h"

#include <limits>
#include <system_error>

#include "engine/limits.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace nano {
namespace {

Status TooShort(uint64_t size, uint64_t end) {
  return {Code::kReadFailed,
          "its file has " + std::to_string(size) + " bytes, but " + std::to_string(end) + " are needed"};
}

Status Failed(const char* what, int error) {
  return {Code::kReadFailed, "its file " + std::string(what) + ": " + std::system_category().message(error)};
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path, uint64_t offset, size_t bytes) {
  if (path.find('\0') != std::string::npos) return Status(Code::kInvalidArgument, "its path holds a zero byte");
  const std::optional<uint64_t> end = Add(offset, bytes);
  if (!end || *end > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return Status(Code::kInvalidArgument, "its file can't have " + std::to_string(offset) + " bytes and more");
  }
  const std::shared_ptr<MappedFile> file(new MappedFile);
  file->bytes_ = bytes;
  file->end_ = *end;
#if defined(_WIN32)
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring name(static_cast<size_t>(length), 0);
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, name.data(), length);
  const HANDLE handle = CreateFileW(name.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                    OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return Failed("can't be opened", static_cast<int>(GetLastError()));
  file->file_ = handle;
  SYSTEM_INFO system;
  GetSystemInfo(&system);
  const uint64_t page = system.dwAllocationGranularity;
#else
  do {
    // O_NONBLOCK, because opening a pipe would wait for its writer.
    file->file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (file->file_ == -1 && errno == EINTR);
  if (file->file_ == -1) return Failed("can't be opened", errno);
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
#endif
  NANO_RETURN_IF_ERROR(file->Check());
  if (bytes == 0) return std::shared_ptr<const MappedFile>(file);
  const uint64_t begin = offset / page * page;
  file->skipped_ = static_cast<size_t>(offset - begin);
  file->mapped_ = file->skipped_ + bytes;
#if defined(_WIN32)
  const HANDLE mapping = CreateFileMappingW(handle, nullptr, PAGE_READONLY, 0, 0, nullptr);
  if (mapping == nullptr) return Failed("can't be mapped", static_cast<int>(GetLastError()));
  void* base =
      MapViewOfFile(mapping, FILE_MAP_READ, static_cast<DWORD>(begin >> 32), static_cast<DWORD>(begin), file->mapped_);
  const auto error = static_cast<int>(GetLastError());
  CloseHandle(mapping);  // the view keeps it
  if (base == nullptr) return Failed("can't be mapped", error);
#else
  void* base = mmap(nullptr, file->mapped_, PROT_READ, MAP_SHARED, file->file_, static_cast<off_t>(begin));
  if (base == MAP_FAILED) return Failed("can't be mapped", errno);
#endif
  file->base_ = static_cast<std::byte*>(base);
  return std::shared_ptr<const MappedFile>(file);
}

Status MappedFile::Check() const {
#if defined(_WIN32)
  LARGE_INTEGER size;
  if (GetFileType(file_) != FILE_TYPE_DISK) return {Code::kReadFailed, "its path is not that of a file"};
  if (!GetFileSizeEx(file_, &size)) return Failed("can't be read", static_cast<int>(GetLastError()));
  const auto now = static_cast<uint64_t>(size.QuadPart);
#else
  struct stat stats;
  if (fstat(file_, &stats) != 0) return Failed("can't be read", errno);
  if (!S_ISREG(stats.st_mode)) return {Code::kReadFailed, "its path is not that of a file"};
  const auto now = static_cast<uint64_t>(stats.st_size);
#endif
  return now < end_ ? TooShort(now, end_) : Status::Ok();
}

MappedFile::~MappedFile() {
#if defined(_WIN32)
  if (base_ != nullptr) UnmapViewOfFile(base_);
  if (file_ != nullptr) CloseHandle(file_);
#else
  if (base_ != nullptr) munmap(base_, mapped_);
  if (file_ != -1) close(file_);
#endif
}

}  // namespace nano
