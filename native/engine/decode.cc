#include "engine/decode.h"

#include <array>
#include <string>
#include <utility>

#include "engine/guard.h"
#include "engine/limits.h"
#include "engine/reader.h"

namespace nano {
namespace {

// The minimum size in bytes of a buffer, an op and an attribute. A count that the remaining bytes
// can't hold is rejected before anything is allocated for it.
constexpr uint64_t kLeastBuffer = 2 + 1 + 1 + 1;
constexpr uint64_t kLeastOp = 2 + 2 + 2 + 2;
constexpr uint64_t kLeastAttribute = 2 + 1 + 1;

Status Invalid(std::string message) { return {Code::kInvalidProgram, "invalid program: " + std::move(message)}; }

class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : reader_(bytes), size_(bytes.size()) {}

  Result<Program> Decode() {
    NANO_RETURN_IF_ERROR(ReadHeader());
    NANO_RETURN_IF_ERROR(ReadName(program_.name, "the program's name"));
    NANO_RETURN_IF_ERROR(ReadBuffers());
    NANO_RETURN_IF_ERROR(ReadOps());
    if (reader_.remaining() > 0) {
      return Invalid(std::to_string(reader_.remaining()) + " bytes follow the last op; nothing may");
    }
    return std::move(program_);
  }

 private:
  Status ReadHeader() {
    const auto magic = reader_.Read<uint32_t>();
    const auto version = reader_.Read<uint16_t>();
    const auto precision = reader_.Read<uint16_t>();
    if (!reader_.ok()) return CutShort("the header");
    if (magic != kProgramMagic) return Invalid("the bytes do not begin with NGPT");
    if (version != kProgramVersion) {
      return Invalid("it is of version " + std::to_string(version) + ", this engine reads version " +
                     std::to_string(kProgramVersion));
    }
    if (precision > static_cast<uint16_t>(Precision::kBf16))
      return UnknownCode("the header", "precision", precision, 2);
    program_.precision = static_cast<Precision>(precision);
    return Status::Ok();
  }

  Status ReadBuffers() {
    uint32_t count = 0;
    NANO_RETURN_IF_ERROR(ReadCount(count, kMaxBuffers, kLeastBuffer, "buffers"));
    program_.buffers.reserve(count);
    for (uint32_t index = 0; index < count; ++index) {
      Buffer buffer;
      NANO_RETURN_IF_ERROR(ReadBuffer(buffer, "buffer " + std::to_string(index)));
      program_.buffers.push_back(std::move(buffer));
    }
    return Status::Ok();
  }

  Status ReadBuffer(Buffer& buffer, const std::string& where) {
    NANO_RETURN_IF_ERROR(ReadName(buffer.name, where + "'s name"));
    const auto dtype = reader_.Read<uint8_t>();
    const auto role = reader_.Read<uint8_t>();
    const auto rank = reader_.Read<uint8_t>();
    if (!reader_.ok()) return CutShort(where);
    if (dtype > static_cast<uint8_t>(Dtype::kU8)) return UnknownCode(where, "dtype", dtype, 7);
    if (role > static_cast<uint8_t>(Role::kTemporary)) return UnknownCode(where, "role", role, 3);
    if (rank > kMaxRank) return Invalid(where + " has rank " + std::to_string(rank) + "; the highest is 8");
    std::array<uint64_t, kMaxRank> dims{};
    for (int axis = 0; axis < rank; ++axis) dims[axis] = reader_.Read<uint32_t>();
    if (!reader_.ok()) return CutShort(where);
    Result<TensorSpec> spec = MakeSpec(static_cast<Dtype>(dtype), std::span(dims).first(rank));
    if (!spec.ok()) return Invalid(where + ": " + spec.status().message());
    buffer.spec = spec.value();
    buffer.role = static_cast<Role>(role);
    return Status::Ok();
  }

  Status ReadOps() {
    uint32_t count = 0;
    NANO_RETURN_IF_ERROR(ReadCount(count, kMaxOps, kLeastOp, "ops"));
    program_.ops.reserve(count);
    for (uint32_t index = 0; index < count; ++index) {
      Op op;
      NANO_RETURN_IF_ERROR(ReadOp(op, "op " + std::to_string(index)));
      program_.ops.push_back(std::move(op));
    }
    return Status::Ok();
  }

  Status ReadOp(Op& op, const std::string& where) {
    NANO_RETURN_IF_ERROR(ReadName(op.name, where + "'s name"));
    const std::string named = where + " (" + op.name + ")";
    NANO_RETURN_IF_ERROR(ReadIndices(op.inputs, named));
    NANO_RETURN_IF_ERROR(ReadIndices(op.outputs, named));
    const uint64_t count = reader_.Read<uint16_t>();
    if (!reader_.ok() || count * kLeastAttribute > reader_.remaining()) return CutShort(named);
    std::string previous;
    for (uint64_t index = 0; index < count; ++index) {
      std::string name;
      NANO_RETURN_IF_ERROR(ReadName(name, named + "'s attribute"));
      if (index > 0 && name <= previous) {
        return Invalid(named + ": attribute \"" + name + "\" after \"" + previous +
                       "\"; they must be sorted, none twice");
      }
      Attribute value;
      NANO_RETURN_IF_ERROR(ReadAttribute(value, named + ": attribute \"" + name + "\""));
      op.attributes.emplace(name, value);
      previous = std::move(name);
    }
    return Status::Ok();
  }

  Status ReadIndices(std::vector<uint32_t>& indices, const std::string& where) {
    const uint64_t count = reader_.Read<uint16_t>();
    if (!reader_.ok() || count * sizeof(uint32_t) > reader_.remaining()) return CutShort(where);
    indices.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      const auto index = reader_.Read<uint32_t>();
      if (index >= program_.buffers.size()) {
        return Invalid(where + " names buffer " + std::to_string(index) + "; there are " +
                       std::to_string(program_.buffers.size()));
      }
      indices.push_back(index);
    }
    return Status::Ok();
  }

  Status ReadAttribute(Attribute& value, const std::string& where) {
    const auto tag = reader_.Read<uint8_t>();
    if (tag == 0) {
      const auto truth = reader_.Read<uint8_t>();
      if (truth > 1) return Invalid(where + " is the bool " + std::to_string(truth) + "; it must be 0 or 1");
      value = truth == 1;
    } else if (tag == 1) {
      value = reader_.Read<int64_t>();
    } else if (tag == 2) {
      value = reader_.Read<double>();
    } else {
      return UnknownCode(where, "tag", tag, 2);
    }
    return reader_.ok() ? Status::Ok() : CutShort(where);
  }

  Status ReadName(std::string& name, const std::string& what) {
    const std::string_view text = reader_.ReadText();
    if (!reader_.ok()) return CutShort(what);
    const Status status = CheckText(text);
    if (!status.ok()) return Invalid(what + ": " + status.message());
    name = text;
    return Status::Ok();
  }

  Status ReadCount(uint32_t& count, uint32_t most, uint64_t least_bytes, const char* what) {
    count = reader_.Read<uint32_t>();
    if (!reader_.ok()) return CutShort(std::string("the number of ") + what);
    if (count > most) {
      return Invalid(std::to_string(count) + " " + what + "; at most " + std::to_string(most) + " are possible");
    }
    return count * least_bytes > reader_.remaining() ? CutShort(std::string("the ") + what) : Status::Ok();
  }

  Status CutShort(const std::string& where) const {
    return Invalid("the bytes end inside " + where + " (there are " + std::to_string(size_) + ")");
  }

  static Status UnknownCode(const std::string& where, const char* what, int code, int highest) {
    return Invalid(where + " has the unknown " + what + " code " + std::to_string(code) + "; the highest is " +
                   std::to_string(highest));
  }

  Reader reader_;
  size_t size_;
  Program program_;
};

}  // namespace

Result<Program> DecodeProgram(std::span<const std::byte> bytes) {
  return Guarded([&]() -> Result<Program> { return Decoder(bytes).Decode(); });
}

}  // namespace nano
