"use strict";

// Tables: a button in each head sorts the rows by that column, downwards and upwards.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const isNumber = head.classList.contains("number");
      const first = isNumber ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const next = now === first ? (isNumber ? "ascending" : "descending") : first;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows].map((row) => {
        const cell = row.cells[column];
        return { row, text: cell.textContent, value: cell.dataset.value === undefined ? null : Number(cell.dataset.value) };
      });
      rows.sort((a, b) => {
        if (isNumber) {
          if (a.value === null || b.value === null) return (a.value === null) - (b.value === null); // blanks go last
          return sign * (a.value - b.value);
        }
        return sign * a.text.localeCompare(b.text, "en", { numeric: true });
      });
      table.tBodies[0].append(...rows.map((one) => one.row));
    });
  });
}

// What is wider than the page can be scrolled with the keyboard, too.
for (const box of document.querySelectorAll(".scroll")) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", box.querySelector("caption")?.textContent ?? box.querySelector("img")?.alt ?? "");
  }
}

// Charts: values at the place of the pointer, or of the arrow keys.
for (const chart of document.querySelectorAll("svg[data-x]")) {
  const output = chart.parentElement.querySelector("output");
  const x = JSON.parse(chart.dataset.x);
  const at = JSON.parse(chart.dataset.at);
  const curves = JSON.parse(chart.dataset.curves);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  line.setAttribute("class", "hover");
  line.setAttribute("y1", chart.dataset.top);
  line.setAttribute("y2", chart.dataset.bottom);
  let place = x.length - 1;
  const show = (index) => {
    place = Math.min(Math.max(index, 0), x.length - 1);
    line.setAttribute("x1", at[place]);
    line.setAttribute("x2", at[place]);
    chart.append(line);
    const told = curves.filter((curve) => curve.values[place] !== null).map((curve) => `${curve.name} ${curve.values[place]}`);
    output.textContent = `${chart.dataset.title} ${x[place]}: ${told.join(", ")}`;
  };
  const hide = () => {
    line.remove();
    output.textContent = "";
  };
  chart.tabIndex = 0;
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const pointer = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
    show(at.reduce((best, value, index) => (Math.abs(value - pointer) < Math.abs(at[best] - pointer) ? index : best), 0));
  });
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(output.textContent ? place + step : place);
  });
}

// Inside another page, such as MLflow's, the files beside this one are not there.
if (location.protocol === "about:" || location.protocol === "blob:") {
  for (const link of document.querySelectorAll('a[href]:not([href^="#"])')) link.removeAttribute("href");
}
