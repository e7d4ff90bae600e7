import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { useDropzone } from "react-dropzone";

function Zone() {
  const { getRootProps, getInputProps } = useDropzone({
    accept: { "image/*": [] },
    onDrop: (files) => files.forEach((file) => {
      const data = new FormData();
      data.append("photo", file);
      fetch(UPLOAD, { method: "POST", body: data });
    }),
  });
  return createElement("div", { ...getRootProps(), style: { width: 400, height: 200 } }, createElement("input", getInputProps()));
}
document.body.innerHTML = `<div id="root"></div>`;
createRoot(document.getElementById("root")).render(createElement(Zone));
