#include "run/case_file.h"

#include <array>
#include <cstring>
#include <utility>

#include "engine/guard.h"
#include "engine/limits.h"
#include "engine/reader.h"

namespace nano {
namespace {

constexpr uint32_t kMagic = 0x5341434E;  // "NCAS"
constexpr uint16_t kVersion = 1;

Status Invalid(std::string message) { return {Code::kInvalidArgument, "invalid case file: " + std::move(message)}; }

class CaseReader {
 public:
  explicit CaseReader(std::span<const std::byte> bytes) : reader_(bytes) {}

  Result<CaseFile> Read() {
    NANO_RETURN_IF_ERROR(ReadHeader());
    NANO_RETURN_IF_ERROR(ReadName(case_.name, "the case's name"));
    case_.program = reader_.Take(reader_.Read<uint32_t>());
    NANO_RETURN_IF_ERROR(ReadStore());
    case_.steps = reader_.Read<uint32_t>();
    case_.times = reader_.Read<uint32_t>();
    case_.check_finite = reader_.Read<uint8_t>() != 0;
    case_.inputs = reader_.Take(reader_.Read<uint64_t>());
    NANO_RETURN_IF_ERROR(ReadName(case_.code, "the expected code"));
    case_.op = reader_.Read<int32_t>();
    NANO_RETURN_IF_ERROR(ReadExpectations());
    if (reader_.remaining() > 0) return Invalid(std::to_string(reader_.remaining()) + " bytes follow its end");
    return std::move(case_);
  }

 private:
  Status ReadHeader() {
    const auto magic = reader_.Read<uint32_t>();
    const auto version = reader_.Read<uint16_t>();
    const auto reserved = reader_.Read<uint16_t>();
    if (!reader_.ok()) return CutShort("the header");
    if (magic != kMagic) return Invalid("the bytes do not begin with NCAS");
    if (version != kVersion) {
      return Invalid("it is of version " + std::to_string(version) + ", this runner reads version " +
                     std::to_string(kVersion));
    }
    return reserved == 0 ? Status::Ok() : Invalid("the reserved field is not 0");
  }

  Status ReadStore() {
    const auto count = reader_.Read<uint32_t>();
    for (uint32_t index = 0; index < count; ++index) {
      const std::string where = "store tensor " + std::to_string(index);
      CaseFile::Tensor tensor;
      NANO_RETURN_IF_ERROR(ReadName(tensor.name, where + "'s name"));
      const auto dtype = reader_.Read<uint8_t>();
      const auto rank = reader_.Read<uint8_t>();
      if (dtype > static_cast<uint8_t>(Dtype::kU32)) return Invalid(where + " has an unknown dtype code");
      if (rank > kMaxRank) return Invalid(where + " has rank " + std::to_string(rank));
      std::array<uint64_t, kMaxRank> dims{};
      for (int axis = 0; axis < rank; ++axis) dims[axis] = reader_.Read<uint32_t>();
      if (!reader_.ok()) return CutShort(where);
      Result<TensorSpec> spec = MakeSpec(static_cast<Dtype>(dtype), std::span(dims).first(rank));
      if (!spec.ok()) return Invalid(where + ": " + spec.status().message());
      tensor.spec = spec.value();
      tensor.contents = reader_.Take(reader_.Read<uint64_t>());
      if (!reader_.ok()) return CutShort(where);
      case_.store.push_back(std::move(tensor));
    }
    return reader_.ok() ? Status::Ok() : CutShort("the store");
  }

  Status ReadExpectations() {
    const auto count = reader_.Read<uint32_t>();
    for (uint32_t index = 0; index < count; ++index) {
      const std::string where = "expectation " + std::to_string(index);
      CaseFile::Expectation expectation;
      const auto kind = reader_.Read<uint8_t>();
      if (kind > 1) return Invalid(where + " is of the unknown kind " + std::to_string(kind));
      expectation.of_store = kind == 1;
      NANO_RETURN_IF_ERROR(ReadName(expectation.name, where + "'s name"));
      expectation.nmse = reader_.Read<double>();
      const auto elements = reader_.Read<uint32_t>();
      NANO_RETURN_IF_ERROR(ReadDoubles(expectation.expected, elements, where));
      NANO_RETURN_IF_ERROR(ReadDoubles(expectation.bounds, elements, where));
      case_.expectations.push_back(std::move(expectation));
    }
    return reader_.ok() ? Status::Ok() : CutShort("the expectations");
  }

  Status ReadDoubles(std::vector<double>& to, uint64_t count, const std::string& where) {
    const std::span<const std::byte> raw = reader_.Take(count * sizeof(double));
    if (!reader_.ok()) return CutShort(where);
    to.resize(count);
    if (count > 0) std::memcpy(to.data(), raw.data(), raw.size());
    return Status::Ok();
  }

  Status ReadName(std::string& name, const std::string& what) {
    const std::string_view text = reader_.ReadText();
    if (!reader_.ok()) return CutShort(what);
    if (const Status status = CheckText(text); !status.ok()) return Invalid(what + ": " + status.message());
    name = text;
    return Status::Ok();
  }

  static Status CutShort(const std::string& where) { return Invalid("the bytes end inside " + where); }

  Reader reader_;
  CaseFile case_;
};

}  // namespace

Result<CaseFile> ReadCase(std::span<const std::byte> bytes) {
  return Guarded([&]() -> Result<CaseFile> { return CaseReader(bytes).Read(); });
}

}  // namespace nano
