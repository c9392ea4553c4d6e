// A citation leads to its source, which may be on its way: the sources of an older answer come
// when that answer is selected. And Gradio labels each message with its HTML, which a screen reader
// would read out instead of the message; and its autofocus takes the focus back from whoever tabs on.
() => {
  let wanted = null;
  let fresh = true;
  const settle = () => {
    const box = fresh && document.querySelector("#question textarea");
    if (box) {
      fresh = false;
      box.focus();
    }
    document.querySelectorAll("#chat [data-testid][aria-label*='<div']").forEach(
      (message) => message.removeAttribute("aria-label"));
    const source = wanted && document.getElementById(wanted);
    if (!source) return;
    wanted = null;
    source.open = true;
    source.scrollIntoView({ block: "nearest" });
    source.querySelector("summary").focus();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#source-"]');
    if (!link) return;
    event.preventDefault();
    wanted = link.hash.slice(1);
    settle();
  }, true);
  settle();
  new MutationObserver(settle).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label"],
  });
}
