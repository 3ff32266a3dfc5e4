// Keeps this library in memory until the process ends.
#pragma once

namespace nano::binding {

// Node unloads an addon with the last worker that used it; the engine's threads would then run code that is gone.
void PinLibrary();

}  // namespace nano::binding
