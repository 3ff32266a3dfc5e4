// host.mm — the shim's functions, and host mistakes that must be noticed. Objective-C++ with ARC, like a real driver.
#import <Metal/Metal.h>
#include "../../msl/dispatch.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

// A class as a driver may define one: C++ and strong instance variables (see the bridge in stub/runtime.cpp).
static int destroyed;
struct Counted { int value = 5; ~Counted() { ++destroyed; } };
@interface Session : NSObject { @public std::vector<int> list; Counted counted; }
@property (nonatomic, strong) NSString* name;
- (int)total;
@end
@implementation Session
- (int)total { int n = counted.value; for (int x : list) n += x; return n; }
@end

static id<MTLDevice> device;
static id<MTLCommandQueue> queue;
static id<MTLLibrary> library;
static int failures;

static id<MTLComputePipelineState> pipeline(const char* name) {
  MTLFunctionConstantValues* v = [MTLFunctionConstantValues new];
  uint32_t factor = 14;
  [v setConstantValue:&factor type:MTLDataTypeUInt withName:@"FACTOR"];
  NSError* e = nil;
  id<MTLFunction> f = [library newFunctionWithName:[NSString stringWithUTF8String:name] constantValues:v error:&e];
  if (!f) { NSLog(@"%@", e); abort(); }
  return [device newComputePipelineStateWithFunction:f error:&e];
}
struct Step { const char* kernel; MTLSize grid, group; bool barrier_before = false; };
// Runs the steps in one (possibly concurrent) encoder; returns the error or "".
static std::string dispatch(std::vector<Step> steps, std::vector<id<MTLBuffer>> buffers, bool concurrent = false, NSUInteger shared = 0) {
  id<MTLCommandBuffer> c = [queue commandBuffer];
  id<MTLComputeCommandEncoder> e = [c computeCommandEncoderWithDispatchType:concurrent ? MTLDispatchTypeConcurrent : MTLDispatchTypeSerial];
  for (Step& s : steps) {
    if (s.barrier_before) [e memoryBarrierWithScope:MTLBarrierScopeBuffers];
    [e setComputePipelineState:pipeline(s.kernel)];
    for (NSUInteger i = 0; i < buffers.size(); ++i) [e setBuffer:buffers[i] offset:0 atIndex:i];
    if (shared) [e setThreadgroupMemoryLength:shared atIndex:0];
    [e dispatchThreads:s.grid threadsPerThreadgroup:s.group];
  }
  [e endEncoding];
  [c commit];
  [c waitUntilCompleted];
  return c.error ? [[c.error localizedDescription] UTF8String] : "";
}
static id<MTLBuffer> words(NSUInteger n, uint32_t fill = 0) {
  id<MTLBuffer> b = [device newBufferWithLength:n * 4 options:MTLResourceStorageModeShared];
  for (NSUInteger i = 0; i < n; ++i) ((uint32_t*)[b contents])[i] = fill;
  return b;
}
static void check(const char* what, bool ok, const std::string& detail = "") {
  printf("  %-4s %s%s%s\n", ok ? "ok" : "FAIL", what, detail.empty() ? "" : ": ", detail.c_str());
  failures += !ok;
}
static void same(const char* what, id<MTLBuffer> b, const std::vector<uint32_t>& want, const std::string& error) {
  const uint32_t* got = (const uint32_t*)[b contents];
  for (size_t i = 0; i < want.size(); ++i)
    if (got[i] != want[i] || !error.empty()) {
      char t[200]; snprintf(t, sizeof t, "[%zu] is %#x, not %#x; %.100s", i, got[i], want[i], error.c_str());
      return check(what, false, t);
    }
  check(what, true);
}
// Runs f in a child, which must die with the words in its output.
static void dies(const char* what, const char* words, std::function<void()> f) {
  fflush(stdout);
  int p[2]; if (pipe(p)) abort();
  pid_t pid = fork();
  if (!pid) { dup2(p[1], 2); f(); _exit(0); }
  close(p[1]);
  std::string out; char c; while (read(p[0], &c, 1) == 1) out += c;
  int status; waitpid(pid, &status, 0);
  check(what, status != 0 && out.find(words) != std::string::npos, out.substr(0, out.find('\n')));
}
static bool has(const std::string& s, const char* w) { return s.find(w) != std::string::npos; }

int main(int argc, char** argv) {
  @autoreleasepool {
    device = MTLCreateSystemDefaultDevice();
    queue = [device newCommandQueue];
    std::stringstream source; source << std::ifstream(std::string(argc > 1 ? argv[1] : ".") + "/test/features.metal").rdbuf();
    MTLCompileOptions* options = [MTLCompileOptions new];
    options.fastMathEnabled = NO;
    for (int mode = 0; mode < 4; ++mode) {
      emu::options() = {(emu::Schedule)(mode % 3), 7, mode == 3};
      NSError* e = nil;
      library = [device newLibraryWithSource:[NSString stringWithUTF8String:source.str().c_str()] options:options error:&e];
      if (!library) { NSLog(@"%@", e); return 1; }
      printf("features, %s\n", mode == 0 ? "ascending" : mode == 1 ? "descending" : mode == 2 ? "shuffle" : "race detector");
      @autoreleasepool {
        id<MTLBuffer> o = words(256);
        std::string bad = dispatch({{"lanes", {64, 1, 1}, {64, 1, 1}}}, {o});
        std::vector<uint32_t> w(256);
        for (uint32_t i = 0; i < 64; ++i) {
          uint32_t l = i % 32; w[i] = 496; w[64 + i] = l * (l + 1) / 2; w[128 + i] = (l ^ 5) + 100 + 31; w[192 + i] = (l + 3) % 32 + 1000;
        }
        same("simdgroup functions", o, w, bad);
        struct { float x; uint32_t n; float x2; uint32_t n2; float p[3]; } outer = {1.5f, 7, 2.5f, 9, {1, 2, 3}};
        o = words(4);
        bad = dispatch({{"structs", {1, 1, 1}, {1, 1, 1}}}, {o, [device newBufferWithBytes:&outer length:sizeof outer options:0], words(14)});
        same("structs across address spaces", o, {7, 0x3fc00000, 6, 28}, bad);
        o = words(16);
        bad = dispatch({{"numbers", {1, 1, 1}, {1, 1, 1}}}, {o});
        same("numbers", o, {0x3555, 0x6800, 0x4049, 0x411e, 8 + 31 + 3, 0x80000000, 0x18, 0xfffffffe, 0xd12, 30, 43, 14, 2110, 42, 0}, bad);
        o = words(2);
        bad = dispatch({{"counters", {200, 1, 1}, {64, 1, 1}}}, {o});
        same("atomics", o, {128, 199 * 200 / 2}, bad);
        o = words(64);
        bad = dispatch({{"shared_argument", {7, 5, 1}, {4, 4, 1}}}, {o}, false, 64);
        same("threadgroup argument, ragged 2-D grid", o, {16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 4, 3, 2, 1}, bad);
        o = words(64);
        bad = dispatch({{"increment", {64, 1, 1}, {32, 1, 1}}, {"increment", {64, 1, 1}, {32, 1, 1}}}, {o});
        same("two dispatches in a serial encoder", o, std::vector<uint32_t>(64, 2), bad);
        bad = dispatch({{"increment", {64, 1, 1}, {32, 1, 1}}, {"increment", {64, 1, 1}, {32, 1, 1}, true}}, {o}, true);
        same("concurrent encoder with a barrier", o, std::vector<uint32_t>(64, 4), bad);
        bad = dispatch({{"spin", {32, 1, 1}, {32, 1, 1}}}, {o});
        check("divergent simd_sum is reported", has(bad, "deadlock"), bad);
        bad = dispatch({{"increment", {65, 1, 1}, {32, 1, 1}}}, {o});
        check("one element too many is reported", has(bad, "buffer"), bad);
        bad = dispatch({{"uninitialised", {1, 1, 1}, {1, 1, 1}}}, {o});
        check("an uninitialised private float is a NaN", ((uint32_t*)[o contents])[0] == 0xffffffffu);
        if (mode == 3) {
          bad = dispatch({{"increment", {64, 1, 1}, {32, 1, 1}}, {"increment", {64, 1, 1}, {32, 1, 1}}}, {o}, true);
          check("concurrent encoder without a barrier is a race", has(bad, "race"), bad);
        }
      }
    }
    printf("host mistakes\n");
    emu::options() = {};
    id<MTLBuffer> o = words(64);
    auto encode = [&](bool end) {
      id<MTLCommandBuffer> c = [queue commandBuffer];
      id<MTLComputeCommandEncoder> e = [c computeCommandEncoder];
      [e setComputePipelineState:pipeline("increment")];
      [e setBuffer:o offset:0 atIndex:0];
      [e dispatchThreads:MTLSizeMake(64, 1, 1) threadsPerThreadgroup:MTLSizeMake(32, 1, 1)];
      if (end) [e endEncoding];
      return c;
    };
    dies("read before waitUntilCompleted", "has not been waited for", [&] { [encode(true) commit]; printf("%d", *(volatile int*)[o contents]); });
    dies("commit before endEncoding", "endEncoding", [&] { [encode(false) commit]; });
    dies("commit twice", "commit twice", [&] { id<MTLCommandBuffer> c = encode(true); [c commit]; [c commit]; });
    dies("unbound buffer", "no buffer bound", [&] { dispatch({{"increment", {64, 1, 1}, {32, 1, 1}}}, {}); });
    dies("too many threads per threadgroup", "threads per threadgroup", [&] { dispatch({{"increment", {2048, 1, 1}, {2048, 1, 1}}}, {o}); });
    dies("write past the end on the host", "", [&] { ((char*)[o contents])[256] = 1; });
    dies("setBytes above 4 KiB", "4096", [&] { char big[5000]; id<MTLCommandBuffer> c = [queue commandBuffer]; [[c computeCommandEncoder] setBytes:big length:5000 atIndex:0]; });
    NSError* e = nil;
    check("an unset function constant", ![library newFunctionWithName:@"numbers" constantValues:[MTLFunctionConstantValues new] error:&e], [[e localizedDescription] UTF8String]);
    check("a missing function", ![library newFunctionWithName:@"nothing"]);
    id<MTLLibrary> broken = [device newLibraryWithSource:@"#include <metal_stdlib>\nusing namespace metal;\nkernel void k(device float* a [[buffer(0)]]) {\n  a[0] = b;\n}\n" options:nil error:&e];
    std::string text = [[e localizedDescription] UTF8String];
    check("a compile error has its line", !broken && has(text, "program_source.metal:4:"), text.substr(0, text.find('\n')));
    check("NoCopy needs whole pages", ![device newBufferWithBytesNoCopy:&failures length:100 options:0 deallocator:nil]);
    void* page = aligned_alloc(16384, 16384);
    __block int freed = 0;
    @autoreleasepool { id<MTLBuffer> b = [device newBufferWithBytesNoCopy:page length:16384 options:0 deallocator:^(void* p, NSUInteger n) { freed += p == page && n == 16384; }]; (void)b; b = nil; }
    check("NoCopy deallocator runs once", freed == 1);
    @autoreleasepool {
      Session* session = [Session new];
      session->list.push_back(7);
      session.name = [NSString stringWithFormat:@"%@ %d", @"n", [session total]];
      NSDictionary* d = @{@"k" : session};
      check("a class with C++ and strong members", [d[@"k"] total] == 12 && [session.name isEqualToString:@"n 12"]);
    }
    check("its members are destroyed", destroyed == 1);
    @autoreleasepool { o = nil; library = nil; }
    check("no buffer leaks", [device currentAllocatedSize] == 0, std::to_string([device currentAllocatedSize]) + " bytes");
  }
  printf("%s\n", failures ? "FAILED" : "all passed");
  return failures != 0;
}
