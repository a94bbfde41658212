// Shows the values of the step that is nearest to the pointer.
for (const figure of document.querySelectorAll(".chart")) {
  const svg = figure.querySelector("svg");
  const line = svg.querySelector(".pointer");
  const output = figure.querySelector("output");
  const points = JSON.parse(svg.dataset.hover);
  const hide = () => {
    line.style.visibility = "hidden";
    output.textContent = "";
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const at = (event.clientX - box.left) / scale;
    const [x, text] = points.reduce((best, point) =>
      Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best
    );
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.style.visibility = "visible";
    output.textContent = text;
    // Beside the line, on the side that has room.
    const left = box.left - figure.getBoundingClientRect().left + x * scale;
    const isRight = left > figure.clientWidth / 2;
    output.style.left = isRight ? "auto" : `${left + 10}px`;
    output.style.right = isRight ? `${figure.clientWidth - left + 10}px` : "auto";
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointercancel", hide);
}
