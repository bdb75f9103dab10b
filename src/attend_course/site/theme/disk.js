// Opened from a disk, a page may fetch no file and start no thread from one. There the translator comes
// as a script, and its thread is made of text. From a server nothing of this is used.
if (location.protocol === "file:") {
  const Real = window.Worker;
  const WAITS = `
    const given = new Promise((resolve) => addEventListener("message", (event) => {
      if (!event.data.disk) return;
      event.stopImmediatePropagation();
      resolve(event.data.disk);
    }));
    globalThis.fetch = async (address) => {
      const bytes = (await given)[String(address).split("/model/")[1]].slice(0);
      return new Response(bytes, { headers: { "content-length": bytes.byteLength } });
    };`;

  const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;

  window.Worker = class {
    #thread = null;

    #waiting = [];

    constructor(address) {
      const script = document.createElement("script");
      script.src = String(address).replace("worker.js", "disk.js");
      script.onload = () => this.#start(window.attendDisk);
      script.onerror = (event) => this.onerror?.(event);
      document.head.append(script);
    }

    #start({ worker, files }) {
      const text = new Blob([WAITS, worker], { type: "text/javascript" });
      this.#thread = new Real(URL.createObjectURL(text));
      this.#thread.onmessage = (event) => this.onmessage(event);
      this.#thread.onerror = (event) => this.onerror(event);
      const disk = Object.fromEntries(Object.entries(files).map(([name, data]) => [name, bytesOf(data)]));
      this.#thread.postMessage({ disk }, Object.values(disk));
      for (const message of this.#waiting) this.#thread.postMessage(message);
    }

    postMessage(message) {
      if (this.#thread) this.#thread.postMessage(message);
      else this.#waiting.push(message);
    }

    terminate() {
      this.#thread?.terminate();
    }
  };
}
