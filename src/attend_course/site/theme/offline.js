// Reading without a network: what was read is kept; a button keeps the rest, or lets go of it all.
(() => {
  if (!("serviceWorker" in navigator) || !isSecureContext || location.protocol === "file:") return;
  const top = new URL(document.documentElement.dataset.content_root, location.href);
  navigator.serviceWorker.register(new URL("worker.js", top)).catch(() => {});

  const place = document.querySelector(".attend-offline");
  if (!place) return;
  const [button, status] = place.children;
  const [KEPT, WHOLE] = ["attend", "attend-whole"];

  const isKept = () => {
    try { return localStorage.getItem(WHOLE) === "yes"; } catch { return false; }
  };
  const remember = (yes) => {
    try { localStorage[yes ? "setItem" : "removeItem"](WHOLE, "yes"); } catch { /* only shown again */ }
  };

  async function keep({ files }) {
    const kept = await caches.open(KEPT);
    let count = 0;
    for (const file of files) {
      await kept.add(new URL(file, top));
      count += 1;
      status.textContent = `${count} of ${files.length} files`;
    }
    remember(true);
  }

  async function letGo() {
    await caches.delete(KEPT);
    remember(false);
    status.textContent = "";
  }

  async function show() {
    const list = await (await fetch(new URL("offline.json", top))).json();
    const size = `${(list.bytes / 1e6).toFixed(1)} MB`;
    const name = () => { button.textContent = isKept() ? "Remove what is kept on this device" : `Keep the whole course on this device (${size})`; };
    button.addEventListener("click", async () => {
      button.disabled = true;
      await (isKept() ? letGo() : keep(list)).catch(() => { status.textContent = "Not all of it could be kept. Try again."; });
      button.disabled = false;
      name();
    });
    name();
    place.hidden = false;
  }

  show().catch(() => {});
})();
