// Converts exceptions of the standard library into a Status, so that no exception leaves the
// engine.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

#include "engine/status.h"

namespace nano {

// Calls `body`, which returns a Status or a Result, and returns its result.
template <class Body>
auto Guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status(Code::kOutOfMemory, "out of memory");  // short enough for std::string to store without allocating
  } catch (const std::length_error&) {
    return Status(Code::kOutOfMemory, "out of memory");
  } catch (const std::system_error& error) {  // the only system call that throws starts a thread
    return Status(Code::kUnsupported,
                  std::string("the engine's threads can't be started: ") + error.what() +
                      ". Give fewer `threads`, or raise the limit of processes and threads (ulimit -u)");
  } catch (const std::exception& error) {
    return Status(Code::kInternal, error.what());
  } catch (...) {
    return Status(Code::kInternal, "unknown");
  }
}

}  // namespace nano
