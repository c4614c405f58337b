// A generator file in JavaScript: in Node and in a browser, with onnxruntime-web and nothing else.
import * as ort from "onnxruntime-web";

/** Open a file of the variation kind. `bytes`: Uint8Array; `info`: what `ganaug info FILE --json` prints. */
export async function open(bytes, info) {
  if (info.kind !== "variation") throw new Error(`kind: ${info.kind}; allowed: variation`);
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(bytes);
  return { session, channels: info.channels, latentDim: info.latent_dim, scale: info.policy?.scale ?? 1 };
}

/** A latent: Float32Array of N(0, 1) times the scale of the policy (Box and Muller 1958). */
export function drawLatent({ latentDim, scale }, random = Math.random) {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Float32Array.from({ length: latentDim }, () => scale * normal());
}

/** Vary an image. `image`: an ImageData, or its {data: RGBA bytes, width, height}; returns the latter. */
export async function vary({ session, channels, latentDim }, image, latent) {
  const { data, width, height } = image, area = width * height;
  const planes = new Float32Array(channels * area); // [1, C, H, W] in 0..1
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < area; i++) planes[c * area + i] = data[4 * i + c] / 255;
  const inputs = {
    image: new ort.Tensor("float32", planes, [1, channels, height, width]),
    latent: new ort.Tensor("float32", latent, [1, latentDim]),
  };
  const { variation } = await session.run(inputs, ["variation"]);
  const varied = Uint8ClampedArray.from(data); // alpha stays
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < area; i++)
      varied[4 * i + c] = Math.round(255 * variation.data[(channels === 3 ? c : 0) * area + i]);
  return { data: varied, width, height };
}
