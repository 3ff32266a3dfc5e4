// A kernel of a few lines, compiled and run through Metal's API.
#import <Metal/Metal.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

static const char* kSource = R"(
#include <metal_stdlib>
using namespace metal;
kernel void add(device const float* a [[buffer(0)]], device float* b [[buffer(1)]], constant uint& n [[buffer(2)]],
                uint i [[thread_position_in_grid]]) {
  if (i < n) b[i] += a[i];
}
)";

static id<MTLBuffer> buffer(id<MTLDevice> device, const std::vector<float>& values) {
  return [device newBufferWithBytes:values.data()
                             length:values.size() * sizeof(float)
                            options:MTLResourceStorageModeShared];
}

static int run() {
  @autoreleasepool {
    id<MTLDevice> device = MTLCreateSystemDefaultDevice();
    id<MTLCommandQueue> queue = [device newCommandQueue];
    NSError* error = nil;
    id<MTLLibrary> library = [device newLibraryWithSource:[NSString stringWithUTF8String:kSource] options:nil error:&error];
    if (!library) throw std::runtime_error(error.localizedDescription.UTF8String);
    id<MTLComputePipelineState> add = [device newComputePipelineStateWithFunction:[library newFunctionWithName:@"add"]
                                                                            error:&error];
    uint32_t n = 1000;
    id<MTLBuffer> a = buffer(device, std::vector<float>(n, 2)), b = buffer(device, std::vector<float>(n, 3));
    id<MTLCommandBuffer> commands = [queue commandBuffer];
    id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
    [encoder setComputePipelineState:add];
    [encoder setBuffer:a offset:0 atIndex:0];
    [encoder setBuffer:b offset:0 atIndex:1];
    [encoder setBytes:&n length:sizeof n atIndex:2];
    [encoder dispatchThreads:MTLSizeMake(n, 1, 1) threadsPerThreadgroup:MTLSizeMake(128, 1, 1)];
    [encoder endEncoding];
    [commands commit];
    [commands waitUntilCompleted];
    if (commands.status != MTLCommandBufferStatusCompleted) throw std::runtime_error("not completed");
    for (uint32_t i = 0; i < n; ++i)
      if (((float*)b.contents)[i] != 5) throw std::runtime_error("wrong at " + std::to_string(i));
    if (@available(macOS 13, *)) std::printf("ok on %s\n", device.name.UTF8String);
    throw 7;  // through @autoreleasepool, as errors do
  }
}

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  } catch (int seven) {
    return seven != 7;
  }
}
