"""What Motion-I2V takes from Stable Diffusion 1.5: autoencoders of pictures and of flow, and the text encoder.

Weights come with the checkpoints, but for the text encoder, whose folder is named here.
"""

from sparsevision.methods.motion_i2v import FlowVAECodec, ImageVAECodec, KLAutoencoder, StoredCLIPText

text_encoder = dict(type=StoredCLIPText, weights="checkpoints/stable-diffusion-v1-5")
flow_codec = dict(type=FlowVAECodec, autoencoder=dict(type=KLAutoencoder, image_channels=2))
stage1_image_codec = dict(type=ImageVAECodec, autoencoder=dict(type=KLAutoencoder), low=0.0)
stage2_image_codec = dict(type=ImageVAECodec, autoencoder=dict(type=KLAutoencoder), low=-1.0)
negative_prompt = "worst quality, low quality, blurry, distorted, watermark, text"
