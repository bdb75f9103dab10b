// Rows times a matrix: nearly all the work of a Transformer, and the only place made for speed.
// Rows are flat: x[i * d + k] is number k of row i. Of a matrix W, (d, e), the columns stand one
// after the other: W[j * d + k]. d and e divide by 4. Either kind of arithmetic computes the same.
import { KERNEL } from "./kernel.js";

const PAGE = 65536; // the bytes by which WebAssembly counts its memory
const DESK = 400_000; // numbers that can lie in front of the kernel at once, rows in and rows out

// The kernel, where the browser has WebAssembly that takes four numbers at a time; else plain loops.
// `count` is how many numbers the matrices hold.
export function fastest(count) {
  try {
    return simd(count);
  } catch {
    return plain();
  }
}

export function plain() {
  return { name: "plain", room: (length) => new Float32Array(length), project };

  // Four columns side by side: each number of x is read once for the four.
  function project(x, { d, e, W }) {
    const n = x.length / d;
    const out = new Float32Array(n * e);
    for (let j = 0; j < e; j += 4) {
      const [W0, W1, W2, W3] = [j * d, (j + 1) * d, (j + 2) * d, (j + 3) * d];
      for (let i = 0; i < n; i += 1) {
        let a = 0, b = 0, c = 0, f = 0;
        for (let k = 0, row = i * d; k < d; k += 1) {
          const number = x[row + k];
          a += number * W[W0 + k];
          b += number * W[W1 + k];
          c += number * W[W2 + k];
          f += number * W[W3 + k];
        }
        const to = i * e + j;
        out[to] = a;
        out[to + 1] = b;
        out[to + 2] = c;
        out[to + 3] = f;
      }
    }
    return out;
  }
}

// The matrices lie in the kernel's memory, behind a desk: rows are copied to it and results from it.
export function simd(count) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * (DESK + count)) / PAGE) });
  const code = Uint8Array.from(atob(KERNEL), (character) => character.charCodeAt(0));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { engine: { memory } });
  const numbers = new Float32Array(memory.buffer);
  let used = DESK;
  return { name: "simd", room, project };

  function room(length) {
    used += length;
    return numbers.subarray(used - length, used);
  }

  function project(x, { d, e, W }) {
    const out = new Float32Array((x.length / d) * e);
    const most = Math.floor(DESK / (d + e));
    for (let first = 0; first * d < x.length; first += most) {
      const rows = x.subarray(first * d, (first + most) * d);
      const n = rows.length / d;
      numbers.set(rows);
      instance.exports.project(0, W.byteOffset, 4 * rows.length, n, d, e);
      out.set(numbers.subarray(rows.length, rows.length + n * e), first * e);
    }
    return out;
  }
}
