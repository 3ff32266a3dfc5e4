#pragma once

#include "metal/kernel.h"

#define NANO_GPU metal
#include "gpu/kernels.h"
