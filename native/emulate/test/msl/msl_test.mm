// The Metal emulator's own test. Correct code works under each schedule, with and without the race
// detector. Mistakes in kernels and in host code, and calls that fail on demand, are reported.
// Written in Objective-C++ with ARC, like a driver.
//
//   nano-msl-test [NAME] | bench        NAME: only tests whose name contains it
#import <Metal/Metal.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

extern "C" void simt_set_schedule(const char* name);
extern "C" void simt_set_races(bool wanted);
extern "C" void simt_fail_call(long number, bool stays);
extern "C" void simt_fail_malloc(int successes);
extern "C" long simt_calls();
extern "C" const char* simt_alive();

// A class as a driver may define it: C++ and strong instance variables (see the bridge in
// metal/runtime.cc).
static int destroyed;
struct Counted {
  int value = 5;
  ~Counted() { ++destroyed; }
};
@interface Session : NSObject {
 @public
  std::vector<int> list;
  Counted counted;
}
@property(nonatomic, strong) NSString* name;
- (int)total;
@end
@implementation Session
- (int)total {
  int n = counted.value;
  for (int x : list) n += x;
  return n;
}
@end

namespace {
id<MTLDevice> device;
id<MTLCommandQueue> queue;
id<MTLLibrary> library;
std::string only;
int failures, checks;

bool Has(const std::string& text, const char* words) { return text.find(words) != text.npos; }
bool Wanted(const char* what) { return only.empty() || Has(what, only.c_str()); }
void Check(const std::string& what, bool good, const std::string& detail = "") {
  ++checks;
  failures += !good;
  if (!good) std::printf("BAD %s: %s\n", what.c_str(), detail.c_str());
}
NSString* Text(const std::string& text) { return [NSString stringWithUTF8String:text.c_str()]; }
std::string Text(NSError* error) { return error == nil ? "" : [[error localizedDescription] UTF8String]; }
std::string ReadSource(const char* name) {
  std::stringstream text;
  text << std::ifstream(std::string(NANO_MSL_TESTS "/") + name).rdbuf();
  return text.str();
}

id<MTLLibrary> Compile(const std::string& source, NSError** error = nullptr, bool fast = false,
                       MTLLanguageVersion version = MTLLanguageVersion3_1) {
  MTLCompileOptions* options = [MTLCompileOptions new];
  options.fastMathEnabled = fast;
  options.languageVersion = version;
  return [device newLibraryWithSource:Text(source) options:options error:error];
}
id<MTLComputePipelineState> Pipeline(const char* name, uint32_t factor = 14, NSError** error = nullptr) {
  MTLFunctionConstantValues* values = [MTLFunctionConstantValues new];
  [values setConstantValue:&factor type:MTLDataTypeUInt withName:@"FACTOR"];
  id<MTLFunction> function = [library newFunctionWithName:Text(name) constantValues:values error:error];
  return function ? [device newComputePipelineStateWithFunction:function error:error] : nil;
}
id<MTLBuffer> Words(NSUInteger n, uint32_t fill = 0) {
  id<MTLBuffer> buffer = [device newBufferWithLength:n * 4 options:MTLResourceStorageModeShared];
  for (NSUInteger i = 0; buffer && i < n; ++i) static_cast<uint32_t*>([buffer contents])[i] = fill;
  return buffer;
}

struct Step {
  const char* kernel;
  MTLSize grid, group;
  bool barrier_before = false;
};
// Runs the steps in one (possibly concurrent) encoder. Returns the error or "".
std::string Run(std::vector<Step> steps, std::vector<id<MTLBuffer>> buffers, bool concurrent = false,
                NSUInteger shared = 0) {
  @autoreleasepool {
    id<MTLCommandBuffer> commands = [queue commandBuffer];
    id<MTLComputeCommandEncoder> encoder =
        [commands computeCommandEncoderWithDispatchType:concurrent ? MTLDispatchTypeConcurrent : MTLDispatchTypeSerial];
    for (Step& step : steps) {
      if (step.barrier_before) [encoder memoryBarrierWithScope:MTLBarrierScopeBuffers];
      NSError* error = nil;
      id<MTLComputePipelineState> pipeline = Pipeline(step.kernel, 14, &error);
      if (!pipeline) {
        [encoder endEncoding];
        return Text(error);
      }
      [encoder setComputePipelineState:pipeline];
      for (NSUInteger i = 0; i < buffers.size(); ++i) [encoder setBuffer:buffers[i] offset:0 atIndex:i];
      if (shared) [encoder setThreadgroupMemoryLength:shared atIndex:0];
      [encoder dispatchThreads:step.grid threadsPerThreadgroup:step.group];
    }
    [encoder endEncoding];
    [commands commit];
    [commands waitUntilCompleted];
    return Text(commands.error);
  }
}
std::string Run(const char* kernel, NSUInteger threads, std::vector<id<MTLBuffer>> buffers, NSUInteger groups = 1) {
  return Run({{kernel, MTLSizeMake(threads * groups, 1, 1), MTLSizeMake(threads, 1, 1)}}, buffers);
}
void Same(const std::string& what, id<MTLBuffer> buffer, const std::vector<uint32_t>& wanted,
          const std::string& problem) {
  const auto* got = static_cast<const uint32_t*>([buffer contents]);
  char text[300] = "";
  for (size_t i = wanted.size(); i-- > 0;)
    if (got[i] != wanted[i]) std::snprintf(text, sizeof text, "[%zu] is %#x, not %#x; ", i, got[i], wanted[i]);
  Check(what, !text[0] && problem.empty(), text + problem);
}

// Runs f in a child process. Returns its output and how it ended.
std::string Child(const std::function<void()>& f, int& status) {
  std::fflush(stdout);
  int ends[2];
  if (pipe(ends)) abort();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    f();
    std::fflush(stdout);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  waitpid(child, &status, 0);
  return text;
}
void Dies(const char* what, const char* words, const std::function<void()>& f) {
  if (!Wanted(what)) return;
  int status;
  const std::string text = Child(f, status);
  Check(what, status != 0 && Has(text, words), text);
}

// ---- What works.
std::vector<float> Gemm(const std::vector<float>& a, const std::vector<float>& b, uint32_t m, uint32_t n, uint32_t k) {
  std::vector<float> c(m * n);
  for (uint32_t i = 0; i < m; ++i)
    for (uint32_t l = 0; l < k; ++l)
      for (uint32_t j = 0; j < n; ++j) c[i * n + j] += a[i * k + l] * b[l * n + j];
  return c;
}
// The bits of small integers as halves or bfloats.
uint16_t Narrow(float x, bool half) {
  if (!half) return static_cast<uint16_t>(__builtin_bit_cast(uint32_t, x) >> 16);
  if (x == 0) return 0;
  int exponent;
  const float fraction = std::frexp(std::fabs(x), &exponent);
  return static_cast<uint16_t>((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | (int(std::ldexp(fraction, 11)) & 1023));
}
std::string Multiply(const char* type, uint32_t m, uint32_t n, uint32_t k, std::vector<float>* result = nullptr) {
  std::vector<float> a(m * k), b(k * n);
  for (size_t i = 0; i < a.size(); ++i) a[i] = float(int(i * 7 % 13) - 6);
  for (size_t i = 0; i < b.size(); ++i) b[i] = float(int(i * 5 % 11) - 5);
  const bool wide = !std::strcmp(type, "float"), half = !std::strcmp(type, "half");
  const auto upload = [&](const std::vector<float>& values) {
    std::vector<uint16_t> narrow;
    for (float v : values) narrow.push_back(Narrow(v, half));
    return wide ? [device newBufferWithBytes:values.data() length:values.size() * 4 options:0]
                : [device newBufferWithBytes:narrow.data() length:narrow.size() * 2 options:0];
  };
  id<MTLBuffer> c = [device newBufferWithLength:m * n * 4 options:0];
  const uint32_t shape[3] = {m, n, k};
  const std::string name = std::string("multiply_") + type;
  const std::string problem = Run({{name.c_str(), MTLSizeMake(n / 16 * 32, m / 16, 1), MTLSizeMake(32, 1, 1)}},
                                  {upload(a), upload(b), c, [device newBufferWithBytes:shape length:12 options:0]});
  const auto* got = static_cast<const float*>([c contents]);
  if (result) *result = Gemm(a, b, m, n, k);
  for (size_t i = 0; result && i < result->size() && problem.empty(); ++i)
    if (got[i] != (*result)[i]) return "element " + std::to_string(i) + " is " + std::to_string(got[i]);
  return problem;
}

void Features(const std::string& mode, bool races) {
  const auto threads = [](NSUInteger n) { return MTLSizeMake(n, 1, 1); };
  id<MTLBuffer> o = Words(256);
  std::string problem = Run("lanes", 64, {o});
  std::vector<uint32_t> wanted(256);
  for (uint32_t i = 0; i < 64; ++i) {
    const uint32_t l = i % 32;
    wanted[i] = 496;
    wanted[64 + i] = l * (l + 1) / 2;
    wanted[128 + i] = (l ^ 5) + 100 + 31;
    wanted[192 + i] = (l + 3) % 32 + 1000;
  }
  Same(mode + "simdgroup functions", o, wanted, problem);
  problem = Run("more_lanes", 32, {o});
  for (uint32_t l = 0; l < 32; ++l) {
    wanted[l] = (l < 3 ? l : l - 3) * 100 + (l > 28 ? l : l + 3);
    wanted[32 + l] = 0x49249249;
    wanted[64 + l] = (l / 4 * 16 + 6) * 100 + (l ^ 1);
    wanted[96 + l] = (l + 31) % 32 * 100 + (l + 1) % 32;
    wanted[128 + l] = (l < 3 ? 1 : 7) * 100;
    wanted[160 + l] = 496 * 100 + 16;
    wanted[192 + l] = 0x47C0;  // 7.75
    wanted[224 + l] = 60 + 9;
  }
  Same(mode + "more simdgroup functions", o, wanted, problem);
  const struct {
    float x;
    uint32_t n;
    float x2;
    uint32_t n2;
    float p[3];
  } outer = {1.5f, 7, 2.5f, 9, {1, 2, 3}};
  o = Words(4);
  problem = Run("structs", 1, {o, [device newBufferWithBytes:&outer length:sizeof outer options:0], Words(14)});
  Same(mode + "structs across address spaces", o, {7, 0x3fc00000, 6, 28}, problem);
  o = Words(16);
  problem = Run("numbers", 1, {o});
  Same(mode + "numbers", o,
       {0x3555, 0x6800, 0x4049, 0x411e, 8 + 31 + 3, 0x80000000, 0x18, 0xfffffffe, 0xd12, 30, 43, 14, 2110, 3 + 7},
       problem);
  const float x = 1 + 0x1p-12f;
  id<MTLBuffer> f = Words(3, __builtin_bit_cast(uint32_t, x));
  problem = Run("contraction", 1, {f});
  const auto* sums = static_cast<const float*>([f contents]);
  Check(mode + "contraction", sums[1] == 0x1p-24f && sums[2] == 0, problem);
  o = Words(2);
  problem = Run("counters", 64, {o}, 3);
  Same(mode + "atomics", o, {128, 191 * 192 / 2}, problem);
  o = Words(2);
  problem = Run("spin_lock", 64, {o});
  Same(mode + "a lock", o, {0, 64}, problem);
  o = Words(64);
  problem = Run({{"shared_argument", MTLSizeMake(7, 5, 1), MTLSizeMake(4, 4, 1)}}, {o}, false, 64);
  Same(mode + "threadgroup argument, ragged grid", o, {16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 12, 11,
                                                       10, 9,  8,  7,  6,  5,  4,  3, 2, 1, 0, 0, 0, 0, 4, 3, 2,  1},
       problem);
  o = Words(64);
  const Step increment{"increment", threads(64), threads(32)};
  problem = Run({increment, increment}, {o});
  Same(mode + "two dispatches in a serial encoder", o, std::vector<uint32_t>(64, 2), problem);
  problem = Run({increment, {"increment", threads(64), threads(32), true}}, {o}, true);
  Same(mode + "concurrent encoder with a barrier", o, std::vector<uint32_t>(64, 4), problem);
  if (races) {
    problem = Run({increment, increment}, {o}, true);
    Check(mode + "concurrent encoder without a barrier", Has(problem, "race") && Has(problem, "earlier dispatch"),
          problem);
  }
  problem = Run("uninitialized", 1, {o});
  Check(mode + "an uninitialized float is a NaN", static_cast<uint32_t*>([o contents])[0] == 0xffffffffu, problem);
  problem = Run("bytes", 64, {o});
  Same(mode + "bytes", o, {0x03020100, 0x07060504}, problem);
  o = Words(64);
  problem = Run("simdgroups", 64, {o});
  Same(mode + "a barrier of simdgroups", o, {31, 30, 29}, problem);
  for (const char* type : {"float", "half", "bfloat"}) {
    std::vector<float> product;
    problem = Multiply(type, 32, 48, 64, &product);
    Check(mode + "matrices of " + type, problem.empty(), problem);
  }
  std::vector<float> square(64);
  for (int i = 0; i < 64; ++i) square[size_t(i)] = float(i);
  o = Words(64);
  problem = Run("transposed", 32, {[device newBufferWithBytes:square.data() length:256 options:0], o});
  const auto* turned = static_cast<const float*>([o contents]);
  Check(mode + "a transposed matrix", turned[1] == 8 && turned[8] == 1 && turned[15] == 57, problem);
}

// ---- Kernels with a mistake, and words that each report must contain.
struct Wrong {
  const char *kernel, *words;
  NSUInteger threads = 32, groups = 1;
  NSUInteger bytes = 256;
};
const Wrong kWrong[] = {
    {"lane_missing", "threads 0-12,14-31; threads 13 never arrive"},
    {"other_operation", "divergent simdgroup"},
    {"two_barriers", "divergent threadgroup_barrier", 64},
    {"barrier_missed", "threads 0-39,41-63, 63 of 64\n  exited: threads 40", 64},
    {"past_the_end", "bytes past buffer"},
    {"before_the_begin", "bytes before buffer"},
    {"misaligned", "misaligned: program_source.metal:"},
    {"past_threadgroup_memory", "threadgroup memory"},
    {"division_by_zero", "divided by zero"},
    {"never_ends", "livelock", 2},
    {"shuffle_by_different_lanes", "differs between lanes"},
    {"matrix_at_different_addresses", "an address that differs between lanes"},
    {"matrix_of_few_lanes", "needs all 32 lanes", 20},
    {"deep", "stack", 1},
};
const Wrong kOverruns[] = {
    // guard bytes reveal these when the buffer is freed; the race detector reports the access
    // itself
    {"past_by_one", "outside buffer", 32, 1, 130},
    {"just_past_threadgroup_memory", "wrote past the 132 bytes", 33},
};
const Wrong kRaces[] = {
    {"past_by_one", "out of bounds: memory 0 bytes past buffer", 32, 1, 130},
    {"just_past_threadgroup_memory", "out of bounds: threadgroup memory: variable 1 (132 bytes)", 33},
    {"carried_over", "read of uninitialized threadgroup memory", 1, 2},
    {"race_between_simdgroups", "race on threadgroup memory", 64},
    {"race_in_a_simdgroup", "race_in_a_simdgroup at program_source.metal"},
    {"race_between_threadgroups", "race on buffer", 32, 2},
    {"race_of_bytes", "race on threadgroup memory", 64},
    {"barrier_for_other_memory", "race on threadgroup memory", 64},
    {"barrier_for_threadgroup_memory_only", "race on buffer", 64},
    {"atomic_and_plain", "then"},
    {"matrix_without_a_barrier", "race on threadgroup memory"},
    {"threadgroup_memory_that_nobody_wrote", "read of uninitialized", 64},
};
template <size_t n>
void WrongKernels(const std::string& mode, const Wrong (&all)[n]) {
  for (const Wrong& wrong : all) {
    @autoreleasepool {
      id<MTLBuffer> o = [device newBufferWithLength:wrong.bytes options:0];
      std::memset([o contents], 0, wrong.bytes);
      const std::string problem = Run(wrong.kernel, wrong.threads, {o}, wrong.groups);
      Check(mode + wrong.kernel, Has(problem, wrong.words), problem);
      // Freeing the buffer would find bytes written around it and end the process, so it is leaked.
      static_cast<void>((__bridge_retained void*)o);
    }
  }
}

// ---- Host code with a mistake, and the rest of the API.
id<MTLCommandBuffer> Encoded(id<MTLBuffer> o, bool ends = true) {
  id<MTLCommandBuffer> commands = [queue commandBuffer];
  id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
  [encoder setComputePipelineState:Pipeline("increment")];
  [encoder setBuffer:o offset:0 atIndex:0];
  [encoder dispatchThreads:MTLSizeMake(64, 1, 1) threadsPerThreadgroup:MTLSizeMake(32, 1, 1)];
  if (ends) [encoder endEncoding];
  return commands;
}
void WrongHosts() {
  id<MTLBuffer> o = Words(64);
  const auto sizes = [](NSUInteger a, NSUInteger b) {
    return Step{"increment", MTLSizeMake(a, 1, 1), MTLSizeMake(b, 1, 1)};
  };
  const auto encoder = [] { return [[queue commandBuffer] computeCommandEncoder]; };
  Dies("read before waitUntilCompleted", "has not been waited for", [&] {
    [Encoded(o) commit];
    std::printf("%d", *static_cast<volatile int*>([o contents]));
  });
  Dies("commit before endEncoding", "endEncoding", [&] { [Encoded(o, false) commit]; });
  Dies("commit twice", "commit twice", [&] {
    id<MTLCommandBuffer> commands = Encoded(o);
    [commands commit];
    [commands commit];
  });
  Dies("no buffer", "no buffer is bound", [&] { Run({sizes(64, 32)}, {}); });
  Dies("too many threads", "threads per threadgroup", [&] { Run({sizes(2048, 2048)}, {o}); });
  Dies("a group of nothing", "threads per threadgroup", [&] { Run({sizes(64, 0)}, {o}); });
  Dies("a grid of nothing", "a dispatch of nothing", [&] { Run({sizes(0, 32)}, {o}); });
  Dies("write past the end on the host", "", [&] { static_cast<volatile char*>([o contents])[256] = 1; });
  Dies("write just past the end on the host", "wrote 1 bytes outside buffer", [&] {
    @autoreleasepool {
      id<MTLBuffer> odd = [device newBufferWithLength:250 options:0];
      static_cast<volatile char*>([odd contents])[250] = 1;
    }
  });
  Dies("setBytes of more than 4 KiB", "4096", [&] {
    const char big[5000] = "";
    [encoder() setBytes:big length:5000 atIndex:0];
  });
  Dies("setBuffer at index 31", "indices end at 30", [&] { [encoder() setBuffer:o offset:0 atIndex:31]; });
  Dies("an offset past the end", "offset 256 in a buffer of 256",
       [&] { [encoder() setBuffer:o offset:256 atIndex:0]; });
  Dies("a copy past the end", "past the end",
       [&] { [[[queue commandBuffer] blitCommandEncoder] fillBuffer:o range:NSMakeRange(200, 100) value:0]; });
  Dies("an encoder that isn't ended", "before endEncoding", [&] {
    @autoreleasepool {
      encoder();
    }
  });
}

void Api() {
  NSError* error = nil;
  id<MTLBuffer> o = Words(64);
  Check("a function constant without a value",
        ![library newFunctionWithName:@"constants"] &&
            ![library newFunctionWithName:@"constants" constantValues:[MTLFunctionConstantValues new] error:&error] &&
            Has(Text(error), "FACTOR has no value"),
        Text(error));
  MTLFunctionConstantValues* values = [MTLFunctionConstantValues new];
  const float scale = 1.5f;
  const uint32_t pair[2] = {7, 8};
  [values setConstantValue:&scale type:MTLDataTypeFloat atIndex:2];
  [values setConstantValue:pair type:MTLDataTypeUInt2 atIndex:3];
  id<MTLFunction> function = [library newFunctionWithName:@"more_constants" constantValues:values error:&error];
  Check("function constants of several types", function != nil, Text(error));
  [values setConstantValue:pair type:MTLDataTypeUInt atIndex:2];
  Check("a function constant of another type",
        ![library newFunctionWithName:@"more_constants" constantValues:values error:&error] &&
            Has(Text(error), "SCALE is a float"),
        Text(error));
  // Creates two pipelines of one function at the same time.
  id<MTLComputePipelineState> two = Pipeline("constants", 2), three = Pipeline("constants", 3);
  id<MTLCommandBuffer> commands = [queue commandBuffer];
  id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
  NSUInteger at = 0;
  for (id<MTLComputePipelineState> pipeline : {two, three, two}) {
    [encoder setComputePipelineState:pipeline];
    [encoder setBuffer:o offset:at atIndex:0];
    [encoder dispatchThreads:MTLSizeMake(1, 1, 1) threadsPerThreadgroup:MTLSizeMake(1, 1, 1)];
    at += 16;
  }
  [encoder endEncoding];
  [commands commit];
  [commands waitUntilCompleted];
  Same("each pipeline has its own constants", o, {2, 0, 0, 0, 3, 0, 0, 0, 2, 0}, Text(commands.error));
  Check("times", commands.GPUStartTime > 0 && commands.GPUEndTime >= commands.GPUStartTime);

  Check("a missing function", ![library newFunctionWithName:@"nothing" constantValues:values error:&error] &&
                                  error.code == MTLLibraryErrorFunctionNotFound);
  const std::string head =
      "#include <metal_stdlib>\nusing namespace metal;\nkernel void k(device float* a [[buffer(0)]]) {\n";
  Check("a compile error has its line",
        !Compile(head + "  a[0] = b;\n}\n", &error) && error.code == MTLLibraryErrorCompileFailure &&
            Has(Text(error), "program_source.metal:4:"),
        Text(error));
  Check("fast mathematics is asked for",
        Compile(head + "  a[0] = INFINITY;\n}\n") && !Compile(head + "  a[0] = INFINITY;\n}\n", nullptr, true));
  Check("the version of the language",
        Compile(head + "  a[0] = float(bfloat(1));\n}\n") &&
            !Compile(head + "  a[0] = float(bfloat(1));\n}\n", nullptr, false, MTLLanguageVersion3_0));
  Check("threadgroup memory", [Pipeline("multiply_float") staticThreadgroupMemoryLength] == 2 * 16 * 20 * 4);
  id<MTLLibrary> large = Compile(head + "  threadgroup float t[8193]; t[0] = a[0]; a[1] = t[0];\n}\n");
  Check("too much threadgroup memory",
        ![device newComputePipelineStateWithFunction:[large newFunctionWithName:@"k"] error:&error] &&
            Has(Text(error), "exceeds the maximum threadgroup memory"),
        Text(error));
  id<MTLLibrary> limited =
      Compile("#include <metal_stdlib>\nusing namespace metal;\n"
              "[[max_total_threads_per_threadgroup(96)]] kernel void k(device float* a [[buffer(0)]]) { a[0] = 1; }\n");
  Check("a kernel's limit of threads",
        [[device newComputePipelineStateWithFunction:[limited newFunctionWithName:@"k"]
                                               error:&error] maxTotalThreadsPerThreadgroup] == 96);

  Check("NoCopy needs whole pages", ![device newBufferWithBytesNoCopy:&failures length:100 options:0 deallocator:nil]);
  void* page = std::aligned_alloc(16384, 16384);
  __block int freed = 0;
  @autoreleasepool {
    id<MTLBuffer> buffer = [device newBufferWithBytesNoCopy:page
                                                     length:16384
                                                    options:0
                                                deallocator:^(void* p, NSUInteger n) {
                                                  freed += p == page && n == 16384;
                                                }];
    std::memset(page, 0, 16384);
    const std::string problem = Run("increment", 32, {buffer}, 2);
    Check("memory of the host", problem.empty() && static_cast<uint32_t*>(page)[63] == 1, problem);
    buffer = nil;
  }
  std::free(page);
  Check("its deallocator runs once", freed == 1);

  const NSUInteger before = [device currentAllocatedSize];
  @autoreleasepool {
    id<MTLBuffer> buffer = [device newBufferWithLength:20000 options:0];
    Check("memory in use", [device currentAllocatedSize] == before + 32768);
    Check("a new buffer is NaNs", static_cast<uint32_t*>([buffer contents])[4999] == 0xffffffff);
  }
  Check("memory given back", [device currentAllocatedSize] == before);
  Check("a buffer too large", ![device newBufferWithLength:[device maxBufferLength] + 1 options:0]);
  Check("families", [device supportsFamily:MTLGPUFamilyApple7] && [device supportsFamily:MTLGPUFamilyMetal3] &&
                        ![device supportsFamily:MTLGPUFamilyApple8]);

  __block int handled = 0;
  @autoreleasepool {
    id<MTLCommandBuffer> first = Encoded(o), second = Encoded(o);
    [first addCompletedHandler:^(id<MTLCommandBuffer> done) {
      handled += done.status == MTLCommandBufferStatusCompleted;
    }];
    [first commit];
    [second commit];
    Check("nothing is done before it is waited for", handled == 0);
    while (second.status != MTLCommandBufferStatusCompleted) {
    }
    Check("polling ends", handled == 1 && first.status == MTLCommandBufferStatusCompleted);
  }
  @autoreleasepool {
    Session* session = [Session new];
    session->list.push_back(7);
    session.name = [NSString stringWithFormat:@"%@ %d", @"n", [session total]];
    NSDictionary* d = @{@"k" : session};
    Check("a class with C++ and strong members", [d[@"k"] total] == 12 && [session.name isEqualToString:@"n 12"]);
  }
  Check("its members are destroyed", destroyed == 1);
  if (@available(macOS 13.0, *)) ++checks;
}

// ---- Calls that fail on demand: every call of a small program, once and permanently.
std::string SmallProgram(NSInteger& code) {
  @autoreleasepool {
    code = 0;
    id<MTLDevice> mine = MTLCreateSystemDefaultDevice();
    if (!mine) return "no device";
    id<MTLCommandQueue> commands = [mine newCommandQueue];
    if (!commands) return "no queue";
    NSError* error = nil;
    id<MTLLibrary> shaders = [mine newLibraryWithSource:Text(ReadSource("features.metal")) options:nil error:&error];
    if (!shaders) return "no library";
    id<MTLFunction> function = [shaders newFunctionWithName:@"increment"];
    if (!function) return "no function";
    id<MTLComputePipelineState> pipeline = [mine newComputePipelineStateWithFunction:function error:&error];
    if (!pipeline) return "no pipeline";
    const uint32_t zeros[64] = {};
    id<MTLBuffer> buffer = [mine newBufferWithBytes:zeros length:256 options:0];
    if (!buffer) return "no buffer";
    for (int i = 0; i < 2; ++i) {
      id<MTLCommandBuffer> work = [commands commandBuffer];
      if (!work) return "no command buffer";
      id<MTLComputeCommandEncoder> encoder = [work computeCommandEncoder];
      if (!encoder) return "no encoder";
      [encoder setComputePipelineState:pipeline];
      [encoder setBuffer:buffer offset:0 atIndex:0];
      [encoder dispatchThreads:MTLSizeMake(64, 1, 1) threadsPerThreadgroup:MTLSizeMake(64, 1, 1)];
      [encoder endEncoding];
      [work commit];
      [work waitUntilCompleted];
      code = work.error.code;
      if (work.status == MTLCommandBufferStatusError) return Text(work.error);
    }
    return static_cast<uint32_t*>([buffer contents])[63] == 2 ? "" : "wrong result";
  }
}
void FailingCalls() {
  NSInteger code;
  simt_fail_call(0, false);
  std::string problem = SmallProgram(code);
  const long calls = simt_calls();
  Check("nothing fails", problem.empty() && calls == 11, problem + std::to_string(calls));
  const std::string alive = simt_alive();
  std::set<std::string> problems;
  for (long n = 1; n <= calls; ++n)
    for (const bool stays : {false, true}) {
      simt_fail_call(n, stays);
      problem = SmallProgram(code);
      problems.insert(problem);
      Check("call " + std::to_string(n) + " fails", !problem.empty());
      Check("it leaves nothing", alive == simt_alive(), simt_alive());
      if (code)
        Check("its code", code == (stays ? MTLCommandBufferErrorAccessRevoked : MTLCommandBufferErrorOutOfMemory));
    }
  Check("all kinds of calls", problems.size() == 9, std::to_string(problems.size()));
  simt_fail_call(0, false);
  simt_fail_malloc(0);
  problem = SmallProgram(code);
  Check("an allocation fails", problem == "no buffer", problem);
  @autoreleasepool {
    id<MTLBuffer> kept = Words(1);
    Check("what is alive is counted", std::string(simt_alive()) != alive && kept != nil, simt_alive());
  }
}
// The environment is read at startup, so each case runs in a child process, as this program with
// --show-environment.
void Environment(const char* program) {
  const struct {
    const char *setting, *words;
    int status;
  } all[] = {{"SIMT_DEVICES=0", "no device", 0},
             {"SIMT_FAIL=2", "no library", 0},
             {"SIMT_FAIL=8", "Insufficient Memory", 0},
             {"SIMT_FAIL=8:stays", "Ignored for causing prior GPU errors", 0},
             {"SIMT_LOST=/dev/null", "no queue", 0},
             {"SIMT_MEMORY=0", "no buffer", 0},
             {"SIMT_FAIL_MALLOC=0", "no buffer", 0},
             {"SIMT_FAMILY=mac2", "families 0 1", 0},
             {"SIMT_FAMILY=apple6", "families 0 0", 0},
             {"SIMT_FAMILY=apple8", "families 1 1", 0},
             {"SIMT_DEVICES=1", "default: an emulated GPU; all: an emulated GPU", 0},
             {"SIMT_DEVICES=0", "default: none; all:\n", 0},
             {"SIMT_DEFAULT_DEVICE=0",
              "default: none; all: an external GPU (removable), another GPU (own memory), an emulated GPU\n", 0},
             {"SIMT_LANGUAGE=3.0", "version 300", 0},
             {"SIMT_FAST_MATH=1", "INFINITY means nothing", 0},
             {"SIMT_SCHEDULE=descending SIMT_RACES=1", "schedule descending", 0},
             {"SIMT_SHADERS=/dev/null/none", "no library", 0},
             {"SIMT_ALIVE=1", "1 of Buffer", 98}};
  for (const auto& [setting, words, wanted] : all) {
    int status;
    const std::string text = Child(
        [&, setting = setting] {
          const std::string command = std::string("env ") + setting + " " + program + " --show-environment";
          execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        },
        status);
    Check(setting, Has(text, words) && WEXITSTATUS(status) == wanted, text);
  }
}
int ShowEnvironment() {
  NSInteger code;
  std::printf("%s\n", SmallProgram(code).c_str());
  @autoreleasepool {
    id<MTLDevice> chosen = MTLCreateSystemDefaultDevice();
    std::printf("default: %s; all:", chosen ? [[chosen name] UTF8String] : "none");
    NSArray<id<MTLDevice>>* all = MTLCopyAllDevices();
    for (NSUInteger i = 0; i < [all count]; ++i) {
      std::printf("%s %s%s", i > 0 ? "," : "", [[all[i] name] UTF8String],
                  all[i].removable          ? " (removable)"
                  : all[i].hasUnifiedMemory ? ""
                                            : " (own memory)");
    }
    std::printf("\n");
    device = MTLCreateSystemDefaultDevice();
    if (device) {
      std::printf("families %d %d\n", [device supportsFamily:MTLGPUFamilyApple7],
                  [device supportsFamily:MTLGPUFamilyMetal3]);
      NSError* error = nil;
      queue = [device newCommandQueue];
      library = Compile(ReadSource("features.metal"));
      id<MTLBuffer> o = Words(64);
      if (library && o) {
        Run("version", 1, {o});
        std::printf("version %d\n", *static_cast<int*>([o contents]));
      }
      Compile("kernel void k(device float* a [[buffer(0)]]) { a[0] = INFINITY; }", &error);
      std::printf("%s\n", Text(error).c_str());
      library = Compile(ReadSource("wrong.metal"));
      if (library && o) std::printf("%s\n", Run("race_between_threadgroups", 32, {o}, 2).c_str());
      static id<MTLBuffer> left = Words(1);
      static_cast<void>(left);
    }
    library = nil;
    queue = nil;
  }
  std::fflush(stdout);
  return 0;
}

int Bench() {
  library = Compile(ReadSource("features.metal"));
  for (const bool races : {false, true}) {
    simt_set_races(races);
    library = Compile(ReadSource("features.metal"));
    const uint32_t n = races ? 256 : 512;
    Multiply("float", 16, 16, 16);
    const std::clock_t start = std::clock();
    const std::string problem = Multiply("float", n, n, n);
    const double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("product of %u x %u%s: %.2f GFLOP/s of CPU time%s\n", n, n, races ? ", races looked for" : "",
                2e-9 * n * n * n / seconds, problem.c_str());
  }
  return 0;
}
}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && !std::strcmp(arguments[1], "--show-environment")) return ShowEnvironment();
  setenv("SIMT_QUIET", "1", 0);
  @autoreleasepool {
    device = MTLCreateSystemDefaultDevice();
    queue = [device newCommandQueue];
    if (count > 1 && !std::strcmp(arguments[1], "bench")) return Bench();
    if (count > 1) only = arguments[1];
    for (const char* schedule : {"ascending", "descending", "shuffle:7"}) {
      simt_set_schedule(schedule);
      for (const bool races : {false, true}) {
        simt_set_races(races);
        const std::string mode = std::string(schedule) + (races ? ", races: " : ": ");
        NSError* error = nil;
        library = Compile(ReadSource("features.metal"), &error);
        Check(mode + "features.metal compiles", library != nil, Text(error));
        if (Wanted("features")) Features(mode, races);
        library = Compile(ReadSource("wrong.metal"), &error);
        Check(mode + "wrong.metal compiles", library != nil, Text(error));
        if (Wanted("wrong")) {
          WrongKernels(mode, kWrong);
          races ? WrongKernels(mode, kRaces) : WrongKernels(mode, kOverruns);
        }
      }
    }
    simt_set_schedule("ascending");
    simt_set_races(false);
    library = Compile(ReadSource("features.metal"));
    if (Wanted("hosts")) WrongHosts();
    if (Wanted("api")) Api();
    if (Wanted("calls")) FailingCalls();
    if (Wanted("environment")) Environment(arguments[0]);
    library = nil;
  }
  std::printf("the Metal emulator: %d of %d good\n", checks - failures, checks);
  std::fflush(stdout);
  const int probes =
      only.empty() || only == "probes" ? std::system("'" NANO_NODE "' '" NANO_MSL_TESTS "/probes.js'") : 0;
  return failures != 0 || probes != 0;
}
