// The files of a Hugging Face folder.

export const configFile = 'config.json'
export const weightsFile = 'model.safetensors'
export const indexFile = 'model.safetensors.index.json'
export const pickleFiles = ['pytorch_model.bin', 'pytorch_model.bin.index.json']
