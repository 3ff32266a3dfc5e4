// The interface between CUDA's side of the emulated GPU (simt.cc) and the race-detector build
// (race.cc).
#pragma once
#include "simt.h"

namespace simt {

// race.cc sets this when it is linked.
struct Hooks {
  void (*launch)(const Launch&);
  void (*block)(unsigned block);
};
extern const Hooks* hooks;

const Launch& CurrentLaunch();

}  // namespace simt
