const root = document.documentElement;
const inks = { light: "#1b2430", dark: "#e6eaf0" };
const softs = { light: "#4b5563", dark: "#aab4c2" };
const settings = { responsive: true, displaylogo: false, showSendToCloud: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

function paint(id) {
  const theme = root.dataset.theme;
  const plot = document.getElementById(id);
  Plotly.relayout(plot, { "font.color": softs[theme],
    "hoverlabel.bgcolor": theme === "dark" ? "#222b36" : "#ffffff",
    "hoverlabel.font.color": inks[theme] });
  plot.data.forEach((trace, i) => {
    if (trace.meta && trace.meta.ink)
      Plotly.restyle(plot, { "line.color": inks[theme], "marker.color": inks[theme] }, [i]);
  });
}
function setTheme(theme) {
  root.dataset.theme = theme;
  Object.keys(charts).forEach(paint);
}
root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
Promise.all(Object.entries(charts).map(([id, chart]) =>
  Plotly.newPlot(id, chart.data, chart.layout, settings))).then(() => setTheme(root.dataset.theme));
document.getElementById("theme").addEventListener("click", () =>
  setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
