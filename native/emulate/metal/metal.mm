// metal.mm — the classes behind the stub Metal.h, on top of the emulator.
//
// Work is lazy: -commit queues, and the kernels run at -waitUntilCompleted (MSLEMU_EAGER=1: at commit). In between, the
// buffers of a committed command buffer are PROT_NONE, so a host that forgets to wait faults with an explanation.
// Misuse that Metal's API validation would stop at aborts here too.
#import <Metal/Metal.h>
#include "../msl/dispatch.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

extern "C" void* _Block_copy(const void*);
extern "C" void _Block_release(const void*);

#define REQUIRE(c, ...) do { if (!(c)) { fprintf(stderr, "mslemu: failed assertion: " __VA_ARGS__); fputc('\n', stderr); abort(); } } while (0)
static NSError* make_error(const std::string& s) {
  NSString* text = [NSString stringWithUTF8String:s.c_str()];
  NSString* key = NSLocalizedDescriptionKey;
  return [NSError errorWithDomain:@"mslemu" code:1 userInfo:[NSDictionary dictionaryWithObjects:(const id*)&text forKeys:(const id*)&key count:1]];
}

// ---- buffers ----------------------------------------------------------------------------------------------------------------
static NSUInteger allocated;
@interface EmuBuffer : NSObject <MTLBuffer> {
 @public
  emu::Memory* m; char* p; NSUInteger length; MTLStorageMode storageMode; void (^deallocator)(void*, NSUInteger);
  NSString* label; int pending;   // committed command buffers that use it
}
@property (copy) NSString* label;
@end
@implementation EmuBuffer
@synthesize label, length, storageMode;
- (void*)contents { return storageMode == MTLStorageModePrivate ? nullptr : p; }
- (void)didModifyRange:(NSRange)r { (void)r; }
- (void)dealloc {
  REQUIRE(!pending, "a buffer is freed while a committed command buffer uses it");
  if (m) { emu::name_memory(m, nullptr); m->release(); delete m; allocated -= length; }
  if (deallocator) { deallocator(p, length); _Block_release(deallocator); }
  [label release];
  [super dealloc];
}
@end
static void set_pending(EmuBuffer* b, int d) {
  b->pending += d;
  if (!b->m) return;
  b->m->protect(b->pending == 0);
  emu::name_memory(b->m, b->pending ? "it belongs to a committed command buffer that has not been waited for" : nullptr);
}

// ---- libraries, functions, pipelines -----------------------------------------------------------------------------------------
struct KernelInfo { std::vector<std::string> args; NSUInteger max = 1024; std::set<std::string> needs; };
struct ConstantInfo { std::string name, type; int id; };
struct LibraryInfo { void* handle = nullptr; std::map<std::string, KernelInfo> kernels; std::vector<ConstantInfo> constants; };
typedef std::map<std::string, std::string> Values;  // function constant, by name or "#id" -> its bytes

static LibraryInfo* read_library(const std::string& so, std::string& error) {
  auto* l = new LibraryInfo;
  static const bool visible = [] {  // to the shader, whatever loaded this library
    Dl_info me;
    return dladdr((void*)&emu::run, &me) && dlopen(me.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  }();
  REQUIRE(visible, "the emulator's library can't be made visible");
  l->handle = dlopen(so.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!l->handle) { error = dlerror(); delete l; return nullptr; }
  std::ifstream f(so + ".desc");
  std::string line, kernel, word;
  while (std::getline(f, line)) {
    std::istringstream s(line); s >> word;
    if (word == "kernel") { s >> kernel; l->kernels[kernel]; }
    else if (word == "arg") l->kernels[kernel].args.push_back(line.substr(4));
    else if (word == "max") s >> l->kernels[kernel].max;
    else if (word == "constant") { ConstantInfo c; s >> c.name >> c.id >> c.type; l->constants.push_back(c); }
    else if (word == "needs") { std::string k, c; s >> k >> c; l->kernels[k].needs.insert(c); }
  }
  return l;
}

@implementation MTLFunctionConstantValues
static size_t data_size(MTLDataType t) {
  switch (t) { case MTLDataTypeBool: return 1; case MTLDataTypeHalf: case MTLDataTypeShort: case MTLDataTypeUShort: return 2; default: return 4; }
}
- (instancetype)init { values = new Values; return self; }
- (void)setConstantValue:(const void*)v type:(MTLDataType)t atIndex:(NSUInteger)i { (*(Values*)values)["#" + std::to_string(i)] = std::string((const char*)v, data_size(t)); }
- (void)setConstantValue:(const void*)v type:(MTLDataType)t withName:(NSString*)n { (*(Values*)values)[[n UTF8String]] = std::string((const char*)v, data_size(t)); }
- (void)dealloc { delete (Values*)values; [super dealloc]; }
@end

@interface EmuFunction : NSObject <MTLFunction> { @public LibraryInfo* library; std::string* kernel; Values* values; }
@end
@implementation EmuFunction
- (NSString*)name { return [NSString stringWithUTF8String:kernel->c_str()]; }
- (void)dealloc { delete kernel; delete values; [super dealloc]; }
@end

@interface EmuPipeline : NSObject <MTLComputePipelineState> { @public LibraryInfo* library; KernelInfo* info; void (*entry)(); Values* values; }
@end
@implementation EmuPipeline
- (NSUInteger)maxTotalThreadsPerThreadgroup { return info->max; }
- (NSUInteger)threadExecutionWidth { return 32; }
- (void)dealloc { delete values; [super dealloc]; }
@end

@implementation MTLCompileOptions
@synthesize fastMathEnabled, mathMode, languageVersion, preprocessorMacros;
- (instancetype)init { fastMathEnabled = YES; mathMode = MTLMathModeFast; return self; }
- (void)dealloc { [preprocessorMacros release]; [super dealloc]; }
@end

@interface EmuLibrary : NSObject <MTLLibrary> { @public LibraryInfo* info; }
@end
@implementation EmuLibrary  // the LibraryInfo is never freed: pipelines are kept for the process
- (NSArray*)functionNames {
  std::vector<id> n;
  for (auto& k : info->kernels) n.push_back([NSString stringWithUTF8String:k.first.c_str()]);
  return [NSArray arrayWithObjects:n.data() count:n.size()];
}
- (id<MTLFunction>)newFunctionWithName:(NSString*)name { return [self newFunctionWithName:name constantValues:nil error:nullptr]; }
- (id<MTLFunction>)newFunctionWithName:(NSString*)name constantValues:(MTLFunctionConstantValues*)v error:(NSError**)error {
  auto k = info->kernels.find([name UTF8String]);
  std::string bad = k == info->kernels.end() ? "no function " + std::string([name UTF8String]) : "";
  auto* by_name = new Values;
  for (auto& c : info->constants) {
    auto* given = v ? (Values*)v->values : nullptr;
    auto it = given ? given->find("#" + std::to_string(c.id)) : Values::iterator();
    if (given && it == given->end()) it = given->find(c.name);
    if (given && it != given->end()) (*by_name)[c.name] = it->second;
    else if (bad.empty() && k->second.needs.count(c.name)) bad = "function constant " + c.name + " has no value";
  }
  if (!bad.empty()) { if (error) *error = make_error(bad); delete by_name; return nil; }
  EmuFunction* f = [[EmuFunction alloc] init];
  f->library = info; f->kernel = new std::string(k->first); f->values = by_name;
  return f;
}
@end

// ---- command buffers ------------------------------------------------------------------------------------------------------------
typedef std::function<std::string()> Op;  // runs; returns an error
@class EmuQueue;
@interface EmuCommandBuffer : NSObject <MTLCommandBuffer> {
 @public
  EmuQueue* queue; std::vector<Op>* ops; std::set<EmuBuffer*>* used; std::vector<MTLCommandBufferHandler>* handlers;
  MTLCommandBufferStatus status; NSError* error; bool encoding; std::vector<emu::Memory*>* inlines; std::vector<id>* kept; NSString* label;
}
@property (copy) NSString* label;
- (void)run;
@end
@interface EmuQueue : NSObject <MTLCommandQueue> { @public std::vector<EmuCommandBuffer*>* committed; NSString* label; }
@property (copy) NSString* label;
@end

static void use(EmuCommandBuffer* c, EmuBuffer* b) { if (c->used->insert(b).second) [b retain]; }

@interface EmuEncoder : NSObject <MTLComputeCommandEncoder, MTLBlitCommandEncoder> {
 @public
  EmuCommandBuffer* c; EmuPipeline* pipeline; bool concurrent, first, ended;
  struct { EmuBuffer* b; emu::Memory* m; NSUInteger offset; } slot[emu::kSlots];
  NSUInteger tg[emu::kSlots]; NSString* label;
}
@property (copy) NSString* label;
@end
@implementation EmuEncoder
@synthesize label;
- (void)setComputePipelineState:(id<MTLComputePipelineState>)s { pipeline = (EmuPipeline*)s; c->kept->push_back([s retain]); }
- (void)setBuffer:(id<MTLBuffer>)b offset:(NSUInteger)o atIndex:(NSUInteger)i {
  REQUIRE(i < emu::kSlots, "buffer index %lu", i);
  REQUIRE(!b || o <= [b length], "offset %lu in a buffer of %lu bytes", o, [b length]);
  REQUIRE(o % 4 == 0, "offset %lu is not a multiple of 4", o);
  slot[i] = {(EmuBuffer*)b, nullptr, o};
  if (b) use(c, (EmuBuffer*)b);
}
- (void)setBufferOffset:(NSUInteger)o atIndex:(NSUInteger)i { [self setBuffer:slot[i].b offset:o atIndex:i]; }
- (void)setBytes:(const void*)p length:(NSUInteger)n atIndex:(NSUInteger)i {
  REQUIRE(i < emu::kSlots && n > 0 && n <= 4096, "setBytes of %lu bytes (limit 4096) at index %lu", n, i);
  auto* m = new emu::Memory; m->allocate(n); memcpy(m->p, p, n);
  c->inlines->push_back(m);
  slot[i] = {nil, m, 0};
}
- (void)setThreadgroupMemoryLength:(NSUInteger)n atIndex:(NSUInteger)i {
  REQUIRE(i < emu::kSlots && n % 16 == 0, "threadgroup memory length %lu must be a multiple of 16", n);
  tg[i] = n;
}
- (void)dispatchThreadgroups:(MTLSize)g threadsPerThreadgroup:(MTLSize)t {
  [self dispatchThreads:MTLSizeMake(g.width * t.width, g.height * t.height, g.depth * t.depth) threadsPerThreadgroup:t];
}
- (void)dispatchThreads:(MTLSize)n threadsPerThreadgroup:(MTLSize)t {
  REQUIRE(!ended && pipeline, "dispatch after endEncoding or without a pipeline");
  NSUInteger threads = t.width * t.height * t.depth;
  REQUIRE(threads > 0 && threads <= pipeline->info->max, "%lu threads per threadgroup; the pipeline's limit is %lu", threads, pipeline->info->max);
  REQUIRE(n.width && n.height && n.depth, "an empty grid");
  emu::Dispatch d{};
  d.entry = pipeline->entry;
  d.threads = {{(uint32_t)n.width, (uint32_t)n.height, (uint32_t)n.depth}};
  d.group = {{(uint32_t)t.width, (uint32_t)t.height, (uint32_t)t.depth}};
  d.concurrent = concurrent && !first;
  first = false;
  for (auto& a : pipeline->info->args) {
    std::istringstream s(a); std::string kind, space, mode, when; int i;
    s >> kind >> i >> space >> mode >> when;
    if (when != "-") { auto v = pipeline->values->find(when); if (v == pipeline->values->end() || !v->second[0]) continue; }
    if (kind == "buffer") {
      REQUIRE(slot[i].b || slot[i].m, "no buffer bound at index %d", i);
      d.buffer[i] = slot[i].m ? emu::Range{slot[i].m->p, slot[i].m->n} : emu::Range{slot[i].b->p + slot[i].offset, slot[i].b->length - slot[i].offset};
    } else { REQUIRE(tg[i], "no threadgroup memory length at index %d", i); d.threadgroup_bytes[i] = tg[i]; }
  }
  EmuPipeline* p = pipeline;
  c->ops->push_back([d, p] {
    for (auto& k : p->library->constants) {
      auto v = p->values->find(k.name);
      if (v != p->values->end()) memcpy(dlsym(p->library->handle, ("msl_fc_" + k.name).c_str()), v->second.data(), v->second.size());
      *(char*)dlsym(p->library->handle, ("msl_fcdef_" + k.name).c_str()) = v != p->values->end();
    }
    return emu::run(d);
  });
}
- (void)memoryBarrierWithScope:(MTLBarrierScope)s { (void)s; first = true; }
- (void)memoryBarrierWithResources:(const id<MTLResource>[])r count:(NSUInteger)n { (void)r; (void)n; first = true; }
- (void)fillBuffer:(id<MTLBuffer>)b range:(NSRange)r value:(uint8_t)v {
  EmuBuffer* e = (EmuBuffer*)b; use(c, e);
  REQUIRE(r.location + r.length <= e->length, "fillBuffer past the end");
  c->ops->push_back([=] { memset(e->p + r.location, v, r.length); return std::string(); });
}
- (void)copyFromBuffer:(id<MTLBuffer>)f sourceOffset:(NSUInteger)s toBuffer:(id<MTLBuffer>)t destinationOffset:(NSUInteger)o size:(NSUInteger)n {
  EmuBuffer *from = (EmuBuffer*)f, *to = (EmuBuffer*)t; use(c, from); use(c, to);
  REQUIRE(s + n <= from->length && o + n <= to->length, "copyFromBuffer past the end");
  c->ops->push_back([=] { memmove(to->p + o, from->p + s, n); return std::string(); });
}
- (void)endEncoding { REQUIRE(!ended, "endEncoding twice"); ended = true; c->encoding = false; }
- (void)dealloc { REQUIRE(ended, "an encoder was released before endEncoding"); [label release]; [super dealloc]; }
@end

@implementation EmuCommandBuffer
@synthesize label, status, error;
- (EmuEncoder*)encoder:(bool)concurrent {
  REQUIRE(!encoding && status == MTLCommandBufferStatusNotEnqueued, "a new encoder while another is open, or after commit");
  EmuEncoder* e = [[EmuEncoder alloc] init];
  e->c = self; e->concurrent = concurrent; e->first = true; encoding = true;
  return [e autorelease];
}
- (id<MTLComputeCommandEncoder>)computeCommandEncoder { return [self encoder:false]; }
- (id<MTLComputeCommandEncoder>)computeCommandEncoderWithDispatchType:(MTLDispatchType)t { return [self encoder:t == MTLDispatchTypeConcurrent]; }
- (id<MTLBlitCommandEncoder>)blitCommandEncoder { return [self encoder:false]; }
- (void)addCompletedHandler:(MTLCommandBufferHandler)b {
  REQUIRE(status == MTLCommandBufferStatusNotEnqueued, "addCompletedHandler after commit");
  handlers->push_back((MTLCommandBufferHandler)_Block_copy(b));
}
- (double)GPUStartTime { return 0; }
- (double)GPUEndTime { return 0; }
- (void)commit {
  REQUIRE(!encoding && status == MTLCommandBufferStatusNotEnqueued, "commit twice or before endEncoding");
  status = MTLCommandBufferStatusCommitted;
  for (EmuBuffer* b : *used) set_pending(b, +1);
  queue->committed->push_back([self retain]);
  if (getenv("MSLEMU_EAGER")) [self waitUntilCompleted];
}
- (void)waitUntilCompleted {
  REQUIRE(status != MTLCommandBufferStatusNotEnqueued, "waitUntilCompleted before commit");
  while (status == MTLCommandBufferStatusCommitted) {  // the queue runs in order of commit
    EmuCommandBuffer* c = queue->committed->front();
    queue->committed->erase(queue->committed->begin());
    [c run];
    [c release];
  }
}
- (void)run {
  for (EmuBuffer* b : *used) if (b->m) b->m->protect(true);
  std::string bad;
  for (Op& op : *ops) if (bad.empty()) bad = op();
  for (EmuBuffer* b : *used) {
    if (bad.empty() && b->m && !b->m->intact()) bad = "a kernel wrote outside a buffer";
    set_pending(b, -1);
  }
  if (!bad.empty()) error = [make_error(bad) retain];
  status = bad.empty() ? MTLCommandBufferStatusCompleted : MTLCommandBufferStatusError;
  for (auto h : *handlers) { h(self); _Block_release(h); }
  handlers->clear();
}
- (void)dealloc {
  for (EmuBuffer* b : *used) [b release];
  for (id k : *kept) [k release];
  for (auto* m : *inlines) { m->release(); delete m; }
  delete ops; delete used; delete handlers; delete inlines; delete kept;
  [error release]; [label release]; [queue release];
  [super dealloc];
}
@end
@implementation EmuQueue
@synthesize label;
- (id<MTLCommandBuffer>)commandBuffer {
  EmuCommandBuffer* c = [[EmuCommandBuffer alloc] init];
  c->queue = [self retain];
  c->ops = new std::vector<Op>; c->used = new std::set<EmuBuffer*>; c->handlers = new std::vector<MTLCommandBufferHandler>;
  c->inlines = new std::vector<emu::Memory*>; c->kept = new std::vector<id>;
  return [c autorelease];
}
- (void)dealloc { delete committed; [label release]; [super dealloc]; }
@end

// ---- the device --------------------------------------------------------------------------------------------------------------------
static std::string here() { return NANO_MSL_FOLDER; }  // where msl.mjs is
@interface EmuDevice : NSObject <MTLDevice>
@end
@implementation EmuDevice
- (NSString*)name { return @"mslemu"; }
- (MTLSize)maxThreadsPerThreadgroup { return MTLSizeMake(1024, 1024, 1024); }
- (NSUInteger)maxThreadgroupMemoryLength { return emu::kThreadgroupLimit; }
- (NSUInteger)maxBufferLength { return 8ul << 30; }
- (uint64_t)recommendedMaxWorkingSetSize { return 8ul << 30; }
- (NSUInteger)currentAllocatedSize { return allocated; }
- (BOOL)hasUnifiedMemory { return YES; }
- (BOOL)supportsFamily:(MTLGPUFamily)f { return f <= MTLGPUFamilyApple8 || f >= MTLGPUFamilyMac2; }  // as an M2
- (id<MTLCommandQueue>)newCommandQueue { EmuQueue* q = [[EmuQueue alloc] init]; q->committed = new std::vector<EmuCommandBuffer*>; return q; }
- (id<MTLBuffer>)newBufferWithLength:(NSUInteger)n options:(MTLResourceOptions)o {
  if (n == 0 || n > [self maxBufferLength]) return nil;
  EmuBuffer* b = [[EmuBuffer alloc] init];
  b->m = new emu::Memory; b->m->allocate(n);
  b->p = b->m->p; b->length = n; b->storageMode = (MTLStorageMode)(o >> 4 & 15);
  memset(b->p, 0xFB, n);  // Metal gives zeroes in practice but does not promise them: NaNs here
  allocated += n;
  return b;
}
- (id<MTLBuffer>)newBufferWithBytes:(const void*)p length:(NSUInteger)n options:(MTLResourceOptions)o {
  EmuBuffer* b = (EmuBuffer*)[self newBufferWithLength:n options:o];
  if (b) memcpy(b->p, p, n);
  return b;
}
- (id<MTLBuffer>)newBufferWithBytesNoCopy:(void*)p length:(NSUInteger)n options:(MTLResourceOptions)o deallocator:(void (^)(void*, NSUInteger))d {
  if (!n || (uintptr_t)p % 16384 || n % 16384) return nil;  // whole pages of Apple silicon
  EmuBuffer* b = [[EmuBuffer alloc] init];
  b->p = (char*)p; b->length = n; b->storageMode = (MTLStorageMode)(o >> 4 & 15);
  b->deallocator = (void (^)(void*, NSUInteger))_Block_copy(d);
  return b;
}
- (id<MTLLibrary>)newLibraryWithSource:(NSString*)source options:(MTLCompileOptions*)o error:(NSError**)error {
  bool fast = !o || (o.fastMathEnabled && o.mathMode == MTLMathModeFast);
  std::string flags = fast ? " --fast" : "";
  if (emu::options().races) flags += " --race";
  for (NSUInteger i = 0; o && i < [o.preprocessorMacros count]; ++i) {
    NSString* k = [[o.preprocessorMacros allKeys] objectAtIndex:i];
    flags += std::string(" '-D") + [k UTF8String] + "=" + [[[o.preprocessorMacros objectForKey:k] description] UTF8String] + "'";
  }
  static std::map<std::string, LibraryInfo*> cache;
  LibraryInfo*& info = cache[flags + "\n" + [source UTF8String]];
  if (!info) {
    char dir[] = "/tmp/mslemu-XXXXXX"; std::string d = mkdtemp(dir), bad;
    std::ofstream(d + "/program_source.metal") << [source UTF8String];
    std::string command = "CLANG=" NANO_MSL_CLANG " node " + here() + "/msl.mjs build " + d + "/program_source.metal " + d + "/k.so" + flags + " 2> " + d + "/log";
    int status = system(command.c_str());
    std::stringstream log; log << std::ifstream(d + "/log").rdbuf();
    if (status) bad = log.str();
    else { if (!log.str().empty()) fprintf(stderr, "%s", log.str().c_str()); info = read_library(d + "/k.so", bad); }
    for (const char* f : {"/program_source.metal", "/k.so.desc", "/log"}) unlink((d + f).c_str());
    static std::vector<std::string> kept;  // k.so: reports look up source lines in it
    if (kept.empty()) atexit([] { for (auto& k : kept) { unlink((k + "/k.so").c_str()); rmdir(k.c_str()); } });
    kept.push_back(d);
    if (!info) { if (error) *error = make_error(bad); return nil; }
  }
  EmuLibrary* l = [[EmuLibrary alloc] init];
  l->info = info;
  return l;
}
- (id<MTLComputePipelineState>)newComputePipelineStateWithFunction:(id<MTLFunction>)function error:(NSError**)error {
  (void)error;
  EmuFunction* f = (EmuFunction*)function;
  EmuPipeline* p = [[EmuPipeline alloc] init];
  p->library = f->library; p->info = &f->library->kernels[*f->kernel]; p->values = new Values(*f->values);
  p->entry = (void (*)())dlsym(f->library->handle, ("msl_entry_" + *f->kernel).c_str());
  return p;
}
@end
id<MTLDevice> MTLCreateSystemDefaultDevice(void) { return [[EmuDevice alloc] init]; }
