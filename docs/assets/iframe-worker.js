/* Let the search run where the pages are opened from disk: browsers start no worker from a file,
   so a hidden frame takes its place. The theme loads this file instead of one from elsewhere. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      this.inside = frame.contentWindow;
      window.addEventListener("message", (event) => {
        if (event.source !== this.inside) return;
        const message = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(message);
        if (this.onmessage) this.onmessage(message);
      });
      const page = this.inside.document;
      page.open();
      page.write("<script>window.postMessage = (data) => parent.postMessage(data, '*')</" + "script>");
      page.write('<script src="' + url + '"></' + "script>");
      page.close();
      this.ready = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
    }

    postMessage(data) {
      const send = () => this.inside.dispatchEvent(new MessageEvent("message", { data, source: window }));
      this.ready.then(send);
    }
  };
}
