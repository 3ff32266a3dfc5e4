// The files of a Hugging Face folder.

export const configFile = 'config.json'
export const weightsFile = 'model.safetensors'
export const indexFile = 'model.safetensors.index.json'
export const pickleFiles = ['pytorch_model.bin', 'pytorch_model.bin.index.json']

/** The files of a PEFT folder, which contains adapters. */
export const adapterConfigFile = 'adapter_config.json'
export const adapterWeightsFile = 'adapter_model.safetensors'
