// Keeps this library in memory until the process ends.
#pragma once

namespace nano::binding {

// Node unloads an addon when the last worker that uses it ends. Without this call the engine's
// threads would then run unloaded code.
void PinLibrary();

}  // namespace nano::binding
