#pragma once

#include "cuda/kernel.cuh"

#define NANO_GPU cuda
#include "gpu/kernels.h"
