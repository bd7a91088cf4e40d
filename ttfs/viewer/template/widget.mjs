/* Shows the page in a frame, and takes over what it says about itself. */
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = model.get("title");
  frame.style.cssText = model.get("frame");
  const listen = ({ source, data }) => {
    if (source !== frame.contentWindow || !data || !data.ttfs) return;
    for (const name of ["chosen", "event", "wishes"]) model.set(name, data.ttfs[name]);
    model.save_changes();
  };
  window.addEventListener("message", listen);
  frame.srcdoc = model.get("html");
  el.append(frame);
  return () => window.removeEventListener("message", listen);
}

export default { render };
