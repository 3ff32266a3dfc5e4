// Mutants of native/cuda/driver.cu: see cuda.js.

module.exports = {
  'cuda/driver.cu': [
    [
      'a capture in which no module may be loaded',
      'cudaStreamCaptureModeRelaxed',
      'cudaStreamCaptureModeThreadLocal',
      { gpu: true, healthy: true },
    ],
    [
      'memory kept when a call fails',
      'void FreeHost(Queue* queue, void* memory) {\n',
      'void FreeHost(Queue* queue, void* memory) {\n  Message ignored;\n  if (Choose(queue, ignored) != Outcome::kOk) return;\n',
      { gpu: true },
    ],
    ['a graph is kept', '  cudaGraphDestroy(graph);\n', '', { gpu: true, healthy: true }],
    ['a stream is kept', '  cudaStreamDestroy(queue->stream);\n', '', { gpu: true, healthy: true }],
    ['an event is kept', '  cudaEventDestroy(event->event);\n', '', { gpu: true, healthy: true }],
    [
      'no wait for an event',
      'return Check(cudaEventSynchronize(event->event), "the GPU\'s work", message);',
      'return Outcome::kOk;',
      { gpu: true, healthy: true },
    ],
    [
      'an error is ignored',
      'cudaGraphLaunch(recording->graph, queue->stream), "cudaGraphLaunch", message)',
      '(cudaGraphLaunch(recording->graph, queue->stream), cudaSuccess), "cudaGraphLaunch", message)',
      { gpu: true },
    ],
    [
      'a pointer where there is no memory',
      'cudaMalloc(&made, bytes);\n  if (error == cudaSuccess) memory = made;\n',
      'cudaMalloc(&made, bytes);\n  memory = made;\n',
      { gpu: true },
    ],
    [
      'a pointer where there is no memory of the host',
      'cudaMallocHost(&made, bytes);\n    if (error == cudaSuccess) memory = made;\n',
      'cudaMallocHost(&made, bytes);\n    memory = made;\n',
      { gpu: true },
    ],
  ],
}
