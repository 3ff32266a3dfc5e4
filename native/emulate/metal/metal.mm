// Metal without a GPU. Where Metal leaves a choice, this implementation makes the one that reveals
// bugs:
//   work      runs when the host waits for it and not before. With SIMT_EAGER=1 it runs on commit. Each
//             query of a command buffer's status runs one, so that polling ends.
//   memory    of a committed command buffer's buffers is PROT_NONE for the host until then. A buffer ends
//             at a guard page (16-byte granularity) and is filled with NaNs. Addresses are never reused.
//   misuse    that Metal's validation layer would stop ends the process.
//   errors    any call can be made to fail, and the device's properties can be changed
//             (common/faults.h).
// Reference counting is manual: Clang has no ARC for GCC's libobjc.
#import <Metal/Metal.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/faults.h"
#include "metal/library.h"
#include "msl/dispatch.h"

using namespace emulate;

extern "C" void* _Block_copy(const void*);
extern "C" void _Block_release(const void*);

NSString* const MTLCommandBufferErrorDomain = @"MTLCommandBufferErrorDomain";
NSString* const MTLLibraryErrorDomain = @"MTLLibraryErrorDomain";

#define REQUIRE(condition, ...)                     \
  do {                                              \
    if (!(condition)) {                             \
      fprintf(stderr, "metal: failed assertion: "); \
      fprintf(stderr, __VA_ARGS__);                 \
      fputc('\n', stderr);                          \
      abort();                                      \
    }                                               \
  } while (0)

namespace {
NSError* MakeError(NSString* domain, NSInteger code, const std::string& description) {
  NSString* text = [NSString stringWithUTF8String:description.c_str()];
  return [NSError errorWithDomain:domain
                             code:code
                         userInfo:[NSDictionary dictionaryWithObjects:&text
                                                              forKeys:&NSLocalizedDescriptionKey
                                                                count:1]];
}
void Set(NSError** error, NSError* value) {
  if (error) *error = value;
}
bool Fails() { return NextFault() != Answer::kNothing; }

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::map<std::string, long> alive;  // live objects by class
bool races_wanted = getenv("SIMT_RACES") && strcmp(getenv("SIMT_RACES"), "0") != 0;

constexpr NSUInteger kGpuPage = 16384;
NSUInteger WholePages(NSUInteger bytes) { return (bytes + kGpuPage - 1) / kGpuPage * kGpuPage; }
NSUInteger allocated;
long command_buffers;  // committed so far

ReportAlive report_alive;
}  // namespace

std::string emulate::Alive() {
  std::string text;
  for (const auto& [name, count] : alive)
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " of " + name;
  return text;
}
// Functions for tests, like those of common/faults.cc.
extern "C" void simt_set_races(bool wanted) { races_wanted = wanted; }
extern "C" long simt_command_buffers() { return command_buffers; }

// Base class of objects that are counted while they live.
@interface EmuObject : NSObject
@end
@implementation EmuObject
- (instancetype)init {
  ++alive[[[self description] UTF8String] + 3];
  return self;
}
- (void)dealloc {
  --alive[[[self description] UTF8String] + 3];
  [super dealloc];
}
@end

// ---- Buffers.
@interface EmuBuffer : EmuObject <MTLBuffer> {
 @public
  Allocation* allocation;  // null: host memory
  char* data;
  NSUInteger length;
  MTLStorageMode storageMode;
  void (^deallocator)(void*, NSUInteger);
  NSString* label;
  int pending;  // committed command buffers that use it
}
@property(copy) NSString* label;
- (void)addPending:(int)difference;
@end
@implementation EmuBuffer
@synthesize label, length, storageMode;
- (void*)contents {
  return storageMode == MTLStorageModePrivate ? nullptr : data;
}
- (void)didModifyRange:(NSRange)range {
}
- (void)addPending:(int)difference {
  pending += difference;
  if (allocation) SetAccess(*allocation, pending ? PROT_NONE : PROT_READ | PROT_WRITE);
}
- (void)dealloc {
  REQUIRE(!pending, "a buffer is freed while a committed command buffer uses it");
  if (allocation) {
    allocated -= WholePages(length);
    const ptrdiff_t written = Free(allocation);
    REQUIRE(!written, "something wrote %td bytes outside buffer #%d (%zu bytes)", written, allocation->id,
            allocation->size);
  }
  if (deallocator) {
    deallocator(data, length);
    _Block_release(deallocator);
  }
  [label release];
  [super dealloc];
}
@end

// ---- Function constants, functions, pipelines.
namespace {
struct Constant {
  MTLDataType type;
  std::string bytes;
};
struct Constants {
  std::map<NSUInteger, Constant> by_index;
  std::map<std::string, Constant> by_name;
};
using Values = std::map<std::string, std::string>;  // a library's constants by name: those that have a value

struct ScalarType {
  const char* name;
  MTLDataType type;
  NSUInteger size;
};
constexpr ScalarType kScalars[] = {
    {"float", MTLDataTypeFloat, 4}, {"half", MTLDataTypeHalf, 2},     {"int", MTLDataTypeInt, 4},
    {"uint", MTLDataTypeUInt, 4},   {"short", MTLDataTypeShort, 2},   {"ushort", MTLDataTypeUShort, 2},
    {"char", MTLDataTypeChar, 1},   {"uchar", MTLDataTypeUChar, 1},   {"bool", MTLDataTypeBool, 1},
    {"int32_t", MTLDataTypeInt, 4}, {"uint32_t", MTLDataTypeUInt, 4}, {"long", MTLDataTypeLong, 8},
    {"ulong", MTLDataTypeULong, 8}, {"int64_t", MTLDataTypeLong, 8},  {"uint64_t", MTLDataTypeULong, 8}};

NSUInteger SizeOf(MTLDataType type) {
  for (const ScalarType& s : kScalars) {
    const NSUInteger count = type - s.type + 1;
    if (type >= s.type && count <= 4) return s.size * (count == 3 ? 4 : count);
  }
  REQUIRE(false, "no function constant can have the MTLDataType %lu", type);
}
MTLDataType TypeNamed(const std::string& name) {
  for (const ScalarType& s : kScalars) {
    if (name == s.name) return s.type;
    for (NSUInteger n = 2; n <= 4; ++n)
      if (name == s.name + std::to_string(n)) return static_cast<MTLDataType>(s.type + n - 1);
  }
  return MTLDataTypeNone;
}

// Returns the values of those constants of a library that have one, or why the kernel cannot be
// created.
std::string Choose(const Library& library, const KernelInfo& kernel, const Constants* given, Values& values) {
  for (const ConstantInfo& constant : library.constants) {
    const Constant* found = nullptr;
    if (given) {
      const auto by_index = given->by_index.find(static_cast<NSUInteger>(constant.index));
      const auto by_name = given->by_name.find(constant.name);
      if (by_index != given->by_index.end()) found = &by_index->second;
      if (by_name != given->by_name.end()) found = &by_name->second;
    }
    if (found && found->type != TypeNamed(constant.type))
      return "function constant " + constant.name + " is a " + constant.type + ", its value is not";
    if (found) values[constant.name] = found->bytes;
    if (!found && kernel.constants.count(constant.name)) return "function constant " + constant.name + " has no value";
  }
  return "";
}
}  // namespace

@implementation MTLFunctionConstantValues
- (instancetype)init {
  values = new Constants;
  return self;
}
- (void)setConstantValue:(const void*)value type:(MTLDataType)type atIndex:(NSUInteger)index {
  static_cast<Constants*>(values)->by_index[index] = {type, {static_cast<const char*>(value), SizeOf(type)}};
}
- (void)setConstantValue:(const void*)value type:(MTLDataType)type withName:(NSString*)name {
  static_cast<Constants*>(values)->by_name[[name UTF8String]] = {type, {static_cast<const char*>(value), SizeOf(type)}};
}
- (void)setConstantValues:(const void*)all type:(MTLDataType)type withRange:(NSRange)range {
  for (NSUInteger i = 0; i < range.length; ++i)
    [self setConstantValue:static_cast<const char*>(all) + i * SizeOf(type) type:type atIndex:range.location + i];
}
- (void)dealloc {
  delete static_cast<Constants*>(values);
  [super dealloc];
}
@end

@interface EmuFunction : EmuObject <MTLFunction> {
 @public
  const Library* library;
  const std::string* kernel;  // a name in the library
  Values* values;
}
@end
@implementation EmuFunction
- (NSString*)name {
  return [NSString stringWithUTF8String:kernel->c_str()];
}
- (void)dealloc {
  delete values;
  [super dealloc];
}
@end

@interface EmuPipeline : EmuObject <MTLComputePipelineState> {
 @public
  const Library* library;
  const KernelInfo* kernel;
  Values* values;
}
@end
@implementation EmuPipeline
- (NSUInteger)maxTotalThreadsPerThreadgroup {
  return kernel->max_threads;
}
- (NSUInteger)threadExecutionWidth {
  return 32;
}
- (NSUInteger)staticThreadgroupMemoryLength {
  return kernel->threadgroup_bytes;
}
- (void)dealloc {
  delete values;
  [super dealloc];
}
@end

// ---- Libraries.
@implementation MTLCompileOptions
@synthesize fastMathEnabled, mathMode, languageVersion, preprocessorMacros;
- (instancetype)init {
  fastMathEnabled = YES;
  mathMode = MTLMathModeFast;
  return self;
}
- (void)dealloc {
  [preprocessorMacros release];
  [super dealloc];
}
@end

@interface EmuLibrary : EmuObject <MTLLibrary> {
 @public
  const Library* library;
}
@end
@implementation EmuLibrary
- (NSArray*)functionNames {
  std::vector<id> names;
  for (const auto& [name, kernel] : library->kernels) names.push_back([NSString stringWithUTF8String:name.c_str()]);
  return [NSArray arrayWithObjects:names.data() count:names.size()];
}
- (id<MTLFunction>)newFunctionWithName:(NSString*)name {
  return [self newFunctionWithName:name constantValues:nil error:nullptr];
}
- (id<MTLFunction>)newFunctionWithName:(NSString*)name
                        constantValues:(MTLFunctionConstantValues*)given
                                 error:(NSError**)error {
  if (Fails()) {
    Set(error, MakeError(MTLLibraryErrorDomain, MTLLibraryErrorInternal, "the function can't be had, on demand"));
    return nil;
  }
  const auto kernel = library->kernels.find([name UTF8String]);
  if (kernel == library->kernels.end()) {
    Set(error, MakeError(MTLLibraryErrorDomain, MTLLibraryErrorFunctionNotFound,
                         std::string("no function ") + [name UTF8String]));
    return nil;
  }
  EmuFunction* function = [[EmuFunction alloc] init];
  function->library = library;
  function->kernel = &kernel->first;
  function->values = new Values;
  const auto* constants = given ? static_cast<Constants*>(given->values) : nullptr;
  const std::string problem = Choose(*library, kernel->second, constants, *function->values);
  if (problem.empty()) return function;
  Set(error, MakeError(MTLLibraryErrorDomain, MTLLibraryErrorCompileFailure, problem));
  [function release];
  return nil;
}
@end

// ---- Command buffers and encoders.
using Operation = std::function<std::string()>;  // returns "" or what went wrong

@class EmuQueue;
@interface EmuCommandBuffer : EmuObject <MTLCommandBuffer> {
 @public
  EmuQueue* queue;
  std::vector<Operation>* operations;
  std::set<EmuBuffer*>* used;
  std::vector<id>* kept;
  std::vector<Allocation*>* inlined;  // copies made by setBytes
  std::vector<MTLCommandBufferHandler>* handlers;
  MTLCommandBufferStatus status;
  NSError* error;
  double GPUStartTime, GPUEndTime;
  bool encoding;
  NSString* label;
}
@property(copy) NSString* label;
- (void)run;
- (void)use:(EmuBuffer*)buffer;
@end

@interface EmuQueue : EmuObject <MTLCommandQueue> {
 @public
  std::deque<EmuCommandBuffer*>* committed;
  NSString* label;
}
@property(copy) NSString* label;
- (void)runOne;
@end
@implementation EmuQueue
@synthesize label;
- (instancetype)init {
  committed = new std::deque<EmuCommandBuffer*>;
  return [super init];
}
- (id<MTLCommandBuffer>)commandBuffer {
  if (Fails()) return nil;
  EmuCommandBuffer* buffer = [[EmuCommandBuffer alloc] init];
  buffer->queue = [self retain];
  return [buffer autorelease];
}
- (void)runOne {
  EmuCommandBuffer* next = committed->front();
  committed->pop_front();
  [next run];
  [next release];
}
- (void)dealloc {
  delete committed;
  [label release];
  [super dealloc];
}
@end

namespace {
// The copies that setBytes makes are reused, because there is one per dispatch.
std::map<NSUInteger, std::vector<Allocation*>> unused_copies;
Allocation* CopyOf(const void* bytes, NSUInteger length) {
  std::vector<Allocation*>& unused = unused_copies[length];
  if (unused.empty()) unused.push_back(Allocate(length));
  Allocation* copy = unused.back();
  REQUIRE(copy, "no address space is left");
  unused.pop_back();
  memcpy(copy->base, bytes, length);
  return copy;
}
}  // namespace

@interface EmuEncoder : EmuObject <MTLComputeCommandEncoder, MTLBlitCommandEncoder> {
 @public
  EmuCommandBuffer* buffer;
  EmuPipeline* pipeline;
  bool concurrent, after_barrier, ended;
  struct {
    EmuBuffer* buffer;
    Allocation* copy;  // made by setBytes
    NSUInteger offset;
  } slots[kSlots];
  NSUInteger threadgroup_bytes[kSlots];
  NSString* label;
}
@property(copy) NSString* label;
@end
@implementation EmuEncoder
@synthesize label;
- (void)setComputePipelineState:(id<MTLComputePipelineState>)state {
  REQUIRE(state, "setComputePipelineState:nil");
  pipeline = static_cast<EmuPipeline*>(state);
  buffer->kept->push_back([state retain]);
}
- (void)setBuffer:(id<MTLBuffer>)bound offset:(NSUInteger)offset atIndex:(NSUInteger)index {
  REQUIRE(index < kSlots, "setBuffer at index %lu; indices end at %d", index, kSlots - 1);
  REQUIRE(!bound || offset < [bound length], "setBuffer with offset %lu in a buffer of %lu bytes", offset,
          [bound length]);
  slots[index] = {static_cast<EmuBuffer*>(bound), nullptr, offset};
  if (bound) [buffer use:static_cast<EmuBuffer*>(bound)];
}
- (void)setBufferOffset:(NSUInteger)offset atIndex:(NSUInteger)index {
  REQUIRE(index < kSlots && slots[index].buffer, "setBufferOffset where no buffer is bound");
  [self setBuffer:slots[index].buffer offset:offset atIndex:index];
}
- (void)setBytes:(const void*)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
  REQUIRE(index < kSlots, "setBytes at index %lu; indices end at %d", index, kSlots - 1);
  REQUIRE(length > 0 && length <= 4096, "setBytes of %lu bytes; it is for 1 to 4096", length);
  Allocation* copy = CopyOf(bytes, length);
  buffer->inlined->push_back(copy);
  slots[index] = {nil, copy, 0};
}
- (void)setThreadgroupMemoryLength:(NSUInteger)length atIndex:(NSUInteger)index {
  REQUIRE(index < kSlots && length % 16 == 0, "threadgroup memory of %lu bytes: it must be a multiple of 16", length);
  threadgroup_bytes[index] = length;
}
- (void)dispatchThreadgroups:(MTLSize)groups threadsPerThreadgroup:(MTLSize)threads {
  [self dispatchThreads:MTLSizeMake(groups.width * threads.width, groups.height * threads.height,
                                    groups.depth * threads.depth)
      threadsPerThreadgroup:threads];
}
- (void)dispatchThreads:(MTLSize)grid threadsPerThreadgroup:(MTLSize)group {
  REQUIRE(!ended && pipeline, "a dispatch after endEncoding or without a pipeline");
  const KernelInfo& kernel = *pipeline->kernel;
  REQUIRE(grid.width && grid.height && grid.depth, "a dispatch of nothing");
  REQUIRE(grid.width <= UINT32_MAX && grid.height <= UINT32_MAX && grid.depth <= UINT32_MAX, "a dispatch too large");
  const NSUInteger threads = group.width * group.height * group.depth;
  REQUIRE(threads > 0 && threads <= kernel.max_threads, "%lu threads per threadgroup; the pipeline's limit is %u",
          threads, kernel.max_threads);
  Dispatch dispatch{};
  dispatch.entry = kernel.entry;
  dispatch.image = pipeline->library->image;
  dispatch.races = pipeline->library->races;
  dispatch.threads = {unsigned(grid.width), unsigned(grid.height), unsigned(grid.depth)};
  dispatch.group = {unsigned(group.width), unsigned(group.height), unsigned(group.depth)};
  dispatch.concurrent = concurrent && !after_barrier;
  after_barrier = false;
  const Values& values = *pipeline->values;
  NSUInteger bytes = kernel.threadgroup_bytes;
  for (const Argument& argument : kernel.arguments) {
    const int i = argument.index;
    if (!argument.condition.empty()) {
      const auto condition = values.find(argument.condition);
      if (condition == values.end() ||
          std::all_of(condition->second.begin(), condition->second.end(), [](char c) { return c == 0; }))
        continue;
    }
    if (argument.threadgroup) {
      REQUIRE(threadgroup_bytes[i], "no threadgroup memory has been set at index %d", i);
      dispatch.threadgroup_bytes[i] = threadgroup_bytes[i];
      bytes += threadgroup_bytes[i];
      continue;
    }
    const auto& [bound, copy, offset] = slots[i];
    REQUIRE(bound || copy, "no buffer is bound at index %d", i);
    dispatch.buffers[i] = copy ? Binding{copy->base, copy->size, copy}
                               : Binding{bound->data + offset, bound->length - offset, bound->allocation};
  }
  REQUIRE(bytes <= kThreadgroupMemory, "%lu bytes of threadgroup memory; there are %zu", bytes, kThreadgroupMemory);
  EmuPipeline* used = pipeline;
  buffer->operations->push_back([dispatch, used] {
    for (const ConstantInfo& constant : used->library->constants) {
      const auto value = used->values->find(constant.name);
      *constant.defined = value != used->values->end();
      if (*constant.defined) memcpy(constant.value, value->second.data(), value->second.size());
    }
    return RunDispatch(dispatch);
  });
}
- (void)memoryBarrierWithScope:(MTLBarrierScope)scope {
  after_barrier = true;
}
- (void)memoryBarrierWithResources:(const id<MTLResource>[])resources count:(NSUInteger)count {
  after_barrier = true;
}
- (void)fillBuffer:(id<MTLBuffer>)filled range:(NSRange)range value:(uint8_t)value {
  auto* to = static_cast<EmuBuffer*>(filled);
  REQUIRE(!ended && to && range.location + range.length <= to->length, "fillBuffer past the end of a buffer");
  [buffer use:to];
  buffer->operations->push_back([=] {
    memset(to->data + range.location, value, range.length);
    return std::string();
  });
}
- (void)copyFromBuffer:(id<MTLBuffer>)source
          sourceOffset:(NSUInteger)from_offset
              toBuffer:(id<MTLBuffer>)target
     destinationOffset:(NSUInteger)to_offset
                  size:(NSUInteger)size {
  auto *from = static_cast<EmuBuffer*>(source), *to = static_cast<EmuBuffer*>(target);
  REQUIRE(!ended && from && to && from_offset + size <= from->length && to_offset + size <= to->length,
          "copyFromBuffer past the end of a buffer");
  [buffer use:from];
  [buffer use:to];
  buffer->operations->push_back([=] {
    memmove(to->data + to_offset, from->data + from_offset, size);
    return std::string();
  });
}
- (void)endEncoding {
  REQUIRE(!ended, "endEncoding twice");
  ended = true;
  buffer->encoding = false;
}
- (void)dealloc {
  REQUIRE(ended, "an encoder is freed before endEncoding");
  [buffer release];
  [label release];
  [super dealloc];
}
@end

namespace {
// The error code that a failed command buffer reports.
MTLCommandBufferError CodeOf(const std::string& problem) {
  if (problem.find("fault:") != problem.npos) return MTLCommandBufferErrorPageFault;
  if (problem.find("livelock") != problem.npos) return MTLCommandBufferErrorTimeout;
  return MTLCommandBufferErrorInternal;
}
NSError* DemandedError() {
  switch (NextFault()) {
    case Answer::kNothing:
      return nil;
    case Answer::kFailure:
      return MakeError(MTLCommandBufferErrorDomain, MTLCommandBufferErrorOutOfMemory, "Insufficient Memory, on demand");
    case Answer::kLasting:
      return MakeError(MTLCommandBufferErrorDomain, MTLCommandBufferErrorAccessRevoked,
                       "Ignored for causing prior GPU errors, on demand");
    case Answer::kLost:
      return MakeError(MTLCommandBufferErrorDomain, MTLCommandBufferErrorDeviceRemoved, "Device Removed, on demand");
  }
}
}  // namespace

@implementation EmuCommandBuffer
@synthesize label, status, error, GPUStartTime, GPUEndTime;
- (instancetype)init {
  operations = new std::vector<Operation>;
  used = new std::set<EmuBuffer*>;
  kept = new std::vector<id>;
  inlined = new std::vector<Allocation*>;
  handlers = new std::vector<MTLCommandBufferHandler>;
  return [super init];
}
- (void)use:(EmuBuffer*)b {
  if (used->insert(b).second) [b retain];
}
- (EmuEncoder*)encoder:(bool)concurrent {
  REQUIRE(!encoding && status == MTLCommandBufferStatusNotEnqueued,
          "a new encoder while another is open, or after commit");
  if (Fails()) return nil;
  EmuEncoder* encoder = [[EmuEncoder alloc] init];
  encoder->buffer = [self retain];
  encoder->concurrent = concurrent;
  encoder->after_barrier = true;
  encoding = true;
  return [encoder autorelease];
}
- (id<MTLComputeCommandEncoder>)computeCommandEncoder {
  return [self encoder:false];
}
- (id<MTLComputeCommandEncoder>)computeCommandEncoderWithDispatchType:(MTLDispatchType)type {
  return [self encoder:type == MTLDispatchTypeConcurrent];
}
- (id<MTLBlitCommandEncoder>)blitCommandEncoder {
  return [self encoder:false];
}
- (void)addCompletedHandler:(MTLCommandBufferHandler)block {
  REQUIRE(status == MTLCommandBufferStatusNotEnqueued, "addCompletedHandler after commit");
  handlers->push_back((MTLCommandBufferHandler)_Block_copy(block));
}
- (MTLCommandBufferStatus)status {
  const MTLCommandBufferStatus before = status;
  if (status == MTLCommandBufferStatusCommitted) [queue runOne];
  return before;
}
- (void)commit {
  REQUIRE(!encoding, "commit before endEncoding");
  REQUIRE(status == MTLCommandBufferStatusNotEnqueued, "commit twice");
  status = MTLCommandBufferStatusCommitted;
  ++command_buffers;
  for (EmuBuffer* b : *used) [b addPending:1];
  queue->committed->push_back([self retain]);
  static const bool eager = getenv("SIMT_EAGER") != nullptr;
  if (eager) [self waitUntilCompleted];
}
- (void)waitUntilCompleted {
  REQUIRE(status != MTLCommandBufferStatusNotEnqueued, "waitUntilCompleted before commit");
  while (status == MTLCommandBufferStatusCommitted) [queue runOne];
}
- (void)run {
  GPUStartTime = Now();
  NSError* failed = DemandedError();
  if (!failed) {
    for (EmuBuffer* b : *used)
      if (b->allocation) SetAccess(*b->allocation, PROT_READ | PROT_WRITE);
    std::string problem;
    for (size_t i = 0; i < operations->size() && problem.empty(); ++i) problem = (*operations)[i]();
    for (EmuBuffer* b : *used)
      if (problem.empty() && b->allocation && BytesWrittenAround(*b->allocation, 64))
        problem = "metal: a kernel wrote outside buffer #" + std::to_string(b->allocation->id) + " (" +
                  std::to_string(b->length) + " bytes)";
    for (Allocation* copy : *inlined)
      if (problem.empty() && BytesWrittenAround(*copy, 64))
        problem = "metal: a kernel wrote outside what setBytes gave";
    if (!problem.empty()) failed = MakeError(MTLCommandBufferErrorDomain, CodeOf(problem), problem);
    if (!problem.empty() && !getenv("SIMT_QUIET")) fprintf(stderr, "%s\n", problem.c_str());
  }
  GPUEndTime = Now();
  error = [failed retain];
  status = failed ? MTLCommandBufferStatusError : MTLCommandBufferStatusCompleted;
  for (EmuBuffer* b : *used) [b addPending:-1];
  [self giveBack];
  for (MTLCommandBufferHandler handler : *handlers) {
    handler(self);
    _Block_release(handler);
  }
  handlers->clear();
}
- (void)giveBack {
  operations->clear();
  for (EmuBuffer* b : *used) [b release];
  used->clear();
  for (id object : *kept) [object release];
  kept->clear();
  for (Allocation* copy : *inlined) unused_copies[copy->size].push_back(copy);
  inlined->clear();
}
- (void)dealloc {
  [self giveBack];
  for (MTLCommandBufferHandler handler : *handlers) _Block_release(handler);
  delete operations;
  delete used;
  delete kept;
  delete inlined;
  delete handlers;
  [error release];
  [label release];
  [queue release];
  [super dealloc];
}
@end

// ---- The device.
namespace {
// SIMT_FAMILY: apple6, apple7 and so on; mac2 for an Intel Mac's GPU. Default: an M1's (apple7),
// the oldest supported.
struct Family {
  int apple = 7;  // 0: none
  Family() {
    const char* name = getenv("SIMT_FAMILY");
    if (!name) return;
    apple = strncmp(name, "apple", 5) == 0 ? atoi(name + 5) : 0;
    REQUIRE(apple > 0 || strcmp(name, "mac2") == 0, "SIMT_FAMILY is %s; it must be apple7 or the like, or mac2", name);
  }
  bool has(NSInteger family) const {
    const bool mac = apple == 0 || apple >= 7;
    if (family >= MTLGPUFamilyMetal3) return mac;
    if (family >= MTLGPUFamilyCommon1) return true;
    if (family >= MTLGPUFamilyMac1) return mac;
    return family <= 1000 + apple;
  }
} const family;
bool IsSet(const char* name) { return getenv(name) && strcmp(getenv(name), "0") != 0; }

ShaderOptions OptionsOf(MTLCompileOptions* options) {
  ShaderOptions shader;
  shader.fast = IsSet("SIMT_FAST_MATH") || !options || (options.fastMathEnabled && options.mathMode == MTLMathModeFast);
  shader.races = races_wanted;
  if (const NSUInteger version = options ? options.languageVersion : 0)
    shader.version = std::to_string(version >> 16) + '.' + std::to_string(version & 0xFFFF);
  if (const char* version = getenv("SIMT_LANGUAGE")) shader.version = version;
  NSDictionary* macros = options ? options.preprocessorMacros : nil;
  for (NSUInteger i = 0; i < [macros count]; ++i) {
    NSString* name = [[macros allKeys] objectAtIndex:i];
    shader.defines.push_back(std::string([name UTF8String]) + "=" +
                             [[[macros objectForKey:name] description] UTF8String]);
  }
  return shader;
}

// SIMT_EDIT=FILE applies a mutant. The file holds three texts, separated by zero bytes: the name of
// a source as #line gives it, the text to replace there, and the replacement.
std::string Edited(std::string source) {
  const char* path = getenv("SIMT_EDIT");
  if (!path) return source;
  std::ifstream file(path, std::ios::binary);
  const std::string edit((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t first = edit.find('\0'), second = edit.find('\0', first + 1);
  REQUIRE(second != std::string::npos, "SIMT_EDIT is %s, which has not two zero bytes", path);
  const size_t begin = source.rfind('"' + edit.substr(0, first) + '"');  // included files come before it
  const std::string from = edit.substr(first + 1, second - first - 1);
  const size_t at = begin == std::string::npos ? begin : source.find(from, begin);
  return at == std::string::npos ? source : source.replace(at, from.size(), edit.substr(second + 1));
}
}  // namespace

enum class GpuKind { kOwn, kExternal, kWithOwnMemory };  // all but the first are GPUs of an Intel Mac

@interface EmuDevice : NSObject <MTLDevice> {
 @public
  GpuKind kind;
}
@end
@implementation EmuDevice
- (NSString*)name {
  return kind == GpuKind::kOwn ? @"an emulated GPU" : kind == GpuKind::kExternal ? @"an external GPU" : @"another GPU";
}
- (BOOL)isRemovable {
  return kind == GpuKind::kExternal;
}
- (MTLSize)maxThreadsPerThreadgroup {
  return MTLSizeMake(kMaxThreads, kMaxThreads, kMaxThreads);
}
- (NSUInteger)maxThreadgroupMemoryLength {
  return kThreadgroupMemory;
}
- (NSUInteger)maxBufferLength {
  return faults.memory / 4 * 3;
}
- (uint64_t)recommendedMaxWorkingSetSize {
  return faults.memory;
}
- (NSUInteger)currentAllocatedSize {
  return allocated;
}
- (BOOL)hasUnifiedMemory {
  return kind == GpuKind::kOwn && family.apple > 0;
}
- (BOOL)supportsFamily:(MTLGPUFamily)asked {
  return kind == GpuKind::kOwn ? family.has(asked) : asked >= MTLGPUFamilyMac1;
}
- (id<MTLCommandQueue>)newCommandQueue {
  return Fails() ? nil : [[EmuQueue alloc] init];
}
- (id<MTLBuffer>)newBufferWithLength:(NSUInteger)length options:(MTLResourceOptions)options {
  if (Fails() || NextMemoryFault() || length == 0 || length > [self maxBufferLength]) return nil;
  if (allocated + WholePages(length) > faults.memory) return nil;
  Allocation* allocation = Allocate(length);
  if (!allocation) return nil;
  EmuBuffer* buffer = [[EmuBuffer alloc] init];
  buffer->allocation = allocation;
  buffer->data = allocation->base;
  buffer->length = length;
  buffer->storageMode = static_cast<MTLStorageMode>(options >> 4 & 15);
  allocated += WholePages(length);
  return buffer;
}
- (id<MTLBuffer>)newBufferWithBytes:(const void*)bytes length:(NSUInteger)length options:(MTLResourceOptions)options {
  auto* buffer = static_cast<EmuBuffer*>([self newBufferWithLength:length options:options]);
  if (buffer) memcpy(buffer->data, bytes, length);
  return buffer;
}
- (id<MTLBuffer>)newBufferWithBytesNoCopy:(void*)bytes
                                   length:(NSUInteger)length
                                  options:(MTLResourceOptions)options
                              deallocator:(void (^)(void*, NSUInteger))deallocator {
  if (Fails() || length == 0 || reinterpret_cast<uintptr_t>(bytes) % kGpuPage || length % kGpuPage) return nil;
  EmuBuffer* buffer = [[EmuBuffer alloc] init];
  buffer->data = static_cast<char*>(bytes);
  buffer->length = length;
  buffer->storageMode = static_cast<MTLStorageMode>(options >> 4 & 15);
  buffer->deallocator = (void (^)(void*, NSUInteger))_Block_copy(deallocator);
  return buffer;
}
- (id<MTLLibrary>)newLibraryWithSource:(NSString*)source options:(MTLCompileOptions*)options error:(NSError**)error {
  if (Fails()) {
    Set(error, MakeError(MTLLibraryErrorDomain, MTLLibraryErrorInternal, "the compiler can't be reached, on demand"));
    return nil;
  }
  std::string problem;
  const Library* library = LoadLibrary(Edited([source UTF8String]), OptionsOf(options), problem);
  if (!library) {
    Set(error, MakeError(MTLLibraryErrorDomain, MTLLibraryErrorCompileFailure, problem));
    return nil;
  }
  EmuLibrary* made = [[EmuLibrary alloc] init];
  made->library = library;
  return made;
}
- (id<MTLComputePipelineState>)newComputePipelineStateWithFunction:(id<MTLFunction>)function error:(NSError**)error {
  REQUIRE(function, "newComputePipelineStateWithFunction:nil");
  const auto* of = static_cast<EmuFunction*>(function);
  const KernelInfo& kernel = of->library->kernels.at(*of->kernel);
  const bool too_much = kernel.threadgroup_bytes > kThreadgroupMemory;
  if (Fails() || too_much) {
    const std::string problem = too_much ? "Threadgroup memory size (" + std::to_string(kernel.threadgroup_bytes) +
                                               ") exceeds the maximum threadgroup memory allowed (" +
                                               std::to_string(kThreadgroupMemory) + ")"
                                         : "the compiler can't be reached, on demand";
    Set(error, MakeError(@"CompilerError", 2, problem));
    return nil;
  }
  EmuPipeline* pipeline = [[EmuPipeline alloc] init];
  pipeline->library = of->library;
  pipeline->kernel = &kernel;
  pipeline->values = new Values(*of->values);
  return pipeline;
}
@end

namespace {
EmuDevice* MakeDevice(GpuKind kind) {
  EmuDevice* device = [[EmuDevice alloc] init];
  device->kind = kind;
  return device;
}
}  // namespace

// "In order for the system to provide a default Metal device object, you need to link to the Core
// Graphics framework" (Apple's documentation). SIMT_DEFAULT_DEVICE=0 simulates a system without a
// default device.
id<MTLDevice> MTLCreateSystemDefaultDevice(void) {
  static const bool named = strstr(NANO_FRAMEWORKS, "CoreGraphics") != nullptr &&
                            (getenv("SIMT_DEFAULT_DEVICE") == nullptr || IsSet("SIMT_DEFAULT_DEVICE"));
  if (faults.devices == 0 || !named) return nil;  // a lost device still exists
  return MakeDevice(GpuKind::kOwn);
}

// With SIMT_DEFAULT_DEVICE=0, returns three devices; the usable one comes last.
NSArray<id<MTLDevice>>* MTLCopyAllDevices(void) {
  std::vector<id> devices;
  if (faults.devices > 0) {
    if (getenv("SIMT_DEFAULT_DEVICE") != nullptr && !IsSet("SIMT_DEFAULT_DEVICE")) {
      devices = {MakeDevice(GpuKind::kExternal), MakeDevice(GpuKind::kWithOwnMemory)};
    }
    devices.push_back(MakeDevice(GpuKind::kOwn));
  }
  NSArray<id<MTLDevice>>* all = [[NSArray arrayWithObjects:devices.data() count:devices.size()] retain];
  for (id device : devices) [device release];
  return all;
}
