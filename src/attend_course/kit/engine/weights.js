// The files of a model: fetched, checked against checksums.json, and read. They are those that
// attend.models.weights writes: matrices in whole numbers from -127 to 127 with a scale for each
// row, vectors in float32.

const AGAIN = "Check the connection and try again.";
const KINDS = { F32: Float32Array, I8: Int8Array };

// Fetch a folder. `progress(received, total)` hears of the bytes of the weights; the total is NaN
// where the server does not tell it. `signal` cancels. `fresh` leaves out what the browser kept:
// a copy that was damaged once must not come back.
export async function download(folder, { progress = () => {}, signal, fresh = false } = {}) {
  const how = { signal, cache: fresh ? "reload" : "default" };
  const sums = get(folder, "checksums.json", how).then((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
  const checked = async (name, listen) => {
    const bytes = await get(folder, name, how, listen);
    if (await isAltered(bytes, (await sums)[name])) {
      throw new Error(`${name} was cut off or altered on its way: its checksum is wrong. ${AGAIN}`);
    }
    return bytes;
  };
  const [config, tokenizer, weights] = await Promise.all([
    checked("config.json"), checked("tokenizer.json"), checked("weights.safetensors", progress), sums,
  ]);
  const json = (bytes) => JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  return { config: json(config), tokenizer: json(tokenizer), weights };
}

async function get(folder, name, how, progress = () => {}) {
  const saying = (words) => (error) => {
    throw error.name === "AbortError" ? error : new Error(`${name} ${words} ${AGAIN}`);
  };
  const answer = await fetch(folder + name, how).catch(saying("could not be fetched."));
  if (!answer.ok) throw new Error(`${name} could not be fetched: the server says ${answer.status}. ${AGAIN}`);
  return gather(answer, progress).catch(saying("was cut off on its way."));
}

// Read an answer piece by piece. Where it comes packed, its length says nothing about the content.
async function gather(answer, progress) {
  const packed = answer.headers.has("content-encoding");
  const total = packed ? NaN : Number(answer.headers.get("content-length") ?? NaN);
  const [parts, reader] = [[], answer.body.getReader()];
  let received = 0;
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    parts.push(value);
    progress(received += value.length, total);
  }
  return new Blob(parts).arrayBuffer();
}

// A browser computes checksums only for pages from a safe place: https, or this machine. Elsewhere
// the file must at least be readable.
async function isAltered(bytes, sum) {
  if (!globalThis.crypto?.subtle) return false;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return sum !== Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The tensors of a safetensors file by name: { shape, data }.
export function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  return new Map(Object.entries(header).map(([name, { dtype, shape, data_offsets: [begin, end] }]) => {
    const count = (end - begin) / KINDS[dtype].BYTES_PER_ELEMENT;
    return [name, { shape, data: new KINDS[dtype](buffer, 8 + length + begin, count) }];
  }));
}

// Hang weights named like encoder.0.norm_1.gain into a tree; numbered children become a list.
export function tree(tensors, arithmetic) {
  const root = {};
  for (const [name, tensor] of tensors) {
    if (name.endsWith(".scale")) continue;
    const path = name.split(".");
    const last = path.pop();
    const node = path.reduce((parent, part) => (parent[part] ??= {}), root);
    const scale = tensors.get(`${name}.scale`)?.data;
    node[last] = scale ? matrix(tensor, scale, name === "embedding", arithmetic) : tensor.data;
  }
  for (const stack of ["encoder", "decoder"]) root[stack] = Object.values(root[stack]);
  return root;
}

// A matrix in float32, its columns one after the other. The embedding, a row for each token, is
// multiplied by as its own transpose: its rows are the columns, and stay where they are.
function matrix({ shape, data }, scale, isTable, { room }) {
  const [d, e] = isTable ? [shape[1], shape[0]] : shape;
  if (d % 4 || e % 4) throw new RangeError(`a matrix needs sides that divide by 4; one is ${d} by ${e}`);
  const W = room(d * e);
  for (let j = 0; j < e; j += 1) {
    for (let k = 0; k < d; k += 1) {
      W[j * d + k] = isTable ? data[j * d + k] * scale[j] : data[k * e + j] * scale[k];
    }
  }
  return { d, e, W };
}
