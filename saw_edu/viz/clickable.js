// A picture that tells the kernel where it was clicked and which arrow key was pressed while it had the focus.
// One request at a time: while the kernel draws, only the newest one waits.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
const STYLE = `
  .saw-edu-clickable { outline-offset: 2px; max-width: 100%; }
  .saw-edu-clickable img { display: block; max-width: 100%; height: auto; cursor: crosshair; }
  .saw-edu-clickable.busy img { cursor: progress; }
  .saw-edu-clickable p { margin: 0.3em 0 0; min-height: 2.6em; font-size: var(--jp-content-font-size1, 14px); }`;

function render({ model, el }) {
  const frame = document.createElement("div");
  const picture = document.createElement("img");
  const status = document.createElement("p");
  frame.className = "saw-edu-clickable";
  frame.tabIndex = 0;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", model.get("label"));
  frame.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes the arrow keys
  picture.draggable = false;
  status.setAttribute("role", "status");
  frame.append(picture, status);
  const style = document.createElement("style");
  style.textContent = STYLE + `.${model.get("still")} { display: none; }`; // this picture is shown instead
  el.append(style, frame);

  let waiting = null;
  let asked = false;
  const ask = (request) => {
    waiting = asked ? request : null;
    if (!asked) {
      asked = true;
      frame.classList.add("busy");
      model.send(request);
    }
  };
  const clicked = (event) => {
    const box = picture.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    ask({ kind: "click", x, y });
  };
  const pressed = (event) => {
    const plain = !(event.ctrlKey || event.altKey || event.metaKey || event.shiftKey);
    if (event.key in ARROWS && plain) {
      event.preventDefault(); // or the page scrolls
      ask({ kind: "move", by: ARROWS[event.key] });
    }
  };
  const show = () => {
    const before = picture.src;
    picture.src = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    picture.alt = model.get("alt");
    picture.style.width = `${model.get("width")}px`;
    picture.style.aspectRatio = model.get("aspect"); // the page does not jump while the picture loads
    status.textContent = model.get("status");
    if (before) URL.revokeObjectURL(before);
  };
  const answered = () => {
    show();
    asked = false;
    frame.classList.remove("busy");
    if (waiting) ask(waiting);
  };
  picture.addEventListener("click", clicked);
  frame.addEventListener("keydown", pressed);
  model.on("change:drawn", answered);
  show();
  return () => {
    model.off("change:drawn", answered);
    URL.revokeObjectURL(picture.src);
  };
}

export default { render };
