// A place in a document opens at the page's side; with another button or key, or where dialogs are
// unknown, the browser opens the link in a new tab. And Gradio labels each message with its HTML,
// which a screen reader would read out instead of the message; and its autofocus takes the focus
// back from whoever tabs on.
() => {
  let fresh = true;
  const settle = () => {
    const box = fresh && document.querySelector("#question textarea");
    if (box) {
      fresh = false;
      box.focus();
    }
    document.querySelectorAll("#chat [data-testid][aria-label*='<div']").forEach(
      (message) => message.removeAttribute("aria-label"));
  };

  const made = (name, values = {}, ...children) => {
    const element = Object.assign(document.createElement(name), values);
    element.append(...children);
    return element;
  };
  const build = () => {
    const frame = made("iframe", { title: "Document" });
    const tab = made("a", { target: "_blank", textContent: "Open in a new tab" });
    const close = made("button", { type: "button", textContent: "Close" });
    const dialog = made("dialog", { id: "reader", ariaLabel: "Document" },
      made("div", {}, tab, close), frame);
    close.onclick = () => dialog.close();
    dialog.onclick = (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    };
    dialog.onclose = () => dialog.remove();
    frame.onload = () => {
      tab.href = frame.contentWindow.location.href; // its own links lead on
      frame.contentWindow.addEventListener("keydown", (event) => {
        if (event.key === "Escape") dialog.close(); // keys pressed in a frame stay in it
      });
    };
    return { dialog, frame, tab };
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="reader?"]');
    const other = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || other || !window.HTMLDialogElement) return;
    event.preventDefault();
    const { dialog, frame, tab } = build();
    // A link in a drawing has no address but its attribute.
    tab.href = frame.src = new URL(link.getAttribute("href"), document.baseURI).href;
    document.querySelector(".gradio-container").append(dialog);
    dialog.showModal();
  }, true);
  settle();
  new MutationObserver(settle).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label"],
  });
}
