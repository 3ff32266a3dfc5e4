// Names of the error codes.
#include "engine/status.h"

namespace nano {

const char* NameOf(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalidProgram:
      return "invalid_program";
    case Code::kInvalidArgument:
      return "invalid_argument";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kOutOfMemory:
      return "out_of_memory";
    case Code::kReadFailed:
      return "read_failed";
    case Code::kOutOfRange:
      return "out_of_range";
    case Code::kNonFinite:
      return "non_finite";
    case Code::kCancelled:
      return "cancelled";
    case Code::kDisposed:
      return "disposed";
    case Code::kDeviceLost:
      return "device_lost";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace nano
