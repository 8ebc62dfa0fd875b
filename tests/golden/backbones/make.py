"""Makes the small backbones of tests/backbones.rs, and what they give: `make.py`. Needs numpy, onnx, onnxruntime.

tiny.onnx            16 filters of 64 samples over a window, rectified, their means: sound [batch, 4000] at 8 kHz -> embedding [batch, 16]
map.onnx             the same, and the rectified waves before the mean, as a map [batch, 16, position]
nan.onnx             gives NaN for every window
external.onnx        has a tensor in another file
operator.onnx        has an operator that nobody knows
memory.onnx          asks for 64 GiB while it runs
voice.onnx           frames [n, 512] at 16 kHz and a state -> how loud each frame is, from 0 to 1, and the state plus 1
tiny.json            the embeddings of windows of a chirp, by onnxruntime
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SAMPLES, RATE, FILTERS, LENGTH = 4000, 8000, 16, 64


def kernels():
    """Windowed cosines, from 250 Hz to 4 kHz."""
    time = np.arange(LENGTH) / RATE
    frequencies = np.linspace(250, 3900, FILTERS)
    waves = np.cos(2 * np.pi * frequencies[:, None] * time[None, :]) * np.hanning(LENGTH)[None, :]
    return waves.astype(np.float32)[:, None, :]


def save(name, nodes, initializers, opset=17, outputs=()):
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["n", SAMPLES])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", FILTERS]), *outputs],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="make.py")
    onnx.save(model, name)
    return model


def voice():
    middle, steep, one = (numpy_helper.from_array(np.array(v, dtype=np.float32), n) for n, v in (("middle", 0.05), ("steep", 200), ("one", 1)))
    nodes = [
        helper.make_node("Abs", ["input"], ["levels"]),
        helper.make_node("ReduceMean", ["levels"], ["level"], axes=[1], keepdims=0),
        helper.make_node("Sub", ["level", "middle"], ["above"]),
        helper.make_node("Mul", ["above", "steep"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["speech"]),
        helper.make_node("Add", ["h", "one"], ["hn"]),
    ]
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes, "voice", [value("input", ["n", 512]), value("h", [1])], [value("speech", ["n"]), value("hn", [1])], [middle, steep, one]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make.py"), "voice.onnx")


def main():
    weights = numpy_helper.from_array(kernels(), "kernels")
    axes = numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")
    filtered = [
        helper.make_node("Unsqueeze", ["sound", "axes"], ["channels"]),
        helper.make_node("Conv", ["channels", "kernels"], ["waves"], strides=[16]),
        helper.make_node("Relu", ["waves"], ["rectified"]),
    ]
    mean = helper.make_node("ReduceMean", ["rectified"], ["embedding"], axes=[2], keepdims=0)
    save("tiny.onnx", [*filtered, mean], [weights, axes])
    positions = (SAMPLES - LENGTH) // 16 + 1
    map_output = helper.make_tensor_value_info("rectified", TensorProto.FLOAT, ["n", FILTERS, positions])
    save("map.onnx", [*filtered, mean], [weights, axes], outputs=[map_output])
    raw = helper.make_node("ReduceMean", ["rectified"], ["means"], axes=[2], keepdims=0)
    minus = numpy_helper.from_array(np.array(-1, dtype=np.float32), "minus")
    below = [helper.make_node("Sub", ["minus", "means"], ["below"]), helper.make_node("Log", ["below"], ["embedding"])]
    save("nan.onnx", [*filtered, raw, *below], [weights, axes, minus])
    strange = helper.make_node("Warble", ["rectified"], ["embedding"])
    save("operator.onnx", [*filtered, strange], [weights, axes])
    size = numpy_helper.from_array(np.array([1 << 34], dtype=np.int64), "size")
    zero = numpy_helper.from_array(np.array([0], dtype=np.float32), "zero")
    huge = [
        helper.make_node("ConstantOfShape", ["many"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["largest"], keepdims=0),
        helper.make_node("Add", ["means", "largest"], ["embedding"]),
    ]
    # The size depends on the input, so that it is not computed while the file is opened.
    sized = [
        helper.make_node("Shape", ["means"], ["shape"]),
        helper.make_node("ReduceMin", ["shape"], ["least"], keepdims=1),
        helper.make_node("Div", ["least", "least"], ["one"]),
        helper.make_node("Mul", ["one", "size"], ["many"]),
    ]
    save("memory.onnx", [*filtered, raw, *sized, *huge], [weights, axes, size, zero][:3])
    voice()
    external = save("external.onnx", [*filtered, mean], [weights, axes])
    tensor = external.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../secret.bin"), ("offset", "0"), ("length", str(4 * FILTERS * LENGTH))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    onnx.save(external, "external.onnx")

    time = np.arange(4 * SAMPLES) / RATE
    chirp = (0.5 * np.sin(2 * np.pi * (300 * time + 400 * time**2))).astype(np.float32).reshape(4, SAMPLES)
    session = onnxruntime.InferenceSession("tiny.onnx")
    embeddings = session.run(["embedding"], {"sound": chirp})[0]
    with open("tiny.json", "w") as file:
        json.dump([[round(float(value), 7) for value in row] for row in embeddings], file, indent=0)


if __name__ == "__main__":
    main()
