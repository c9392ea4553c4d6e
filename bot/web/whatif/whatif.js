// A switch in the ranking tells Python whose it is. The ranking is then drawn anew, and the switch
// may stand elsewhere: the focus goes with it.
let last = null;
element.addEventListener("click", (event) => {
  const pressed = event.target.closest("button[data-id]");
  if (!pressed) return;
  last = pressed.dataset.id;
  trigger("flip", { id: last });
});
watch("value", () => {
  if (last === null) return;
  const same = [...element.querySelectorAll("button[data-id]")].find(
    (one) => one.dataset.id === last);
  last = null;
  if (same) same.focus();
});
